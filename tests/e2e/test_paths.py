"""The five groups through both paths, the spellings, and what a call may be wrong about."""
import re
import time
import unittest

from harness import METRICS, Agent, E2e, Server, line_tags, now_ns, vm_path, wait_until

COLUMNS = {  # The first and last field of each group, in catalogue order.
    'cpu': ('cpu_utilization', 'proc_num'), 'memory': ('mem_utilization', 'page_out'),
    'disk': ('disk_utilization', 'write_time'), 'network': ('bytes_in', 'drop_out'), 'cpufreq': ('cpu_speed', 'cpu_speed')}


class LivePaths(E2e):
    """An agent on this machine, asked through every path."""

    @classmethod
    def setUpClass(cls):
        cls.host = E2e('run')
        cls.host.setUp()
        cls.addClassCleanup(cls.host.doCleanups)
        cls.server = Server(cls.host)
        cls.agent = Agent(cls.host, cls.server, cls.server.key(cls.host))
        wait_until(lambda: cls.server.get(vm_path() + '/metric/cpu/rt-info', statisticsCriteria='last').json.get('value'),
                   what='a first value')
        time.sleep(2.5)  # Two more ticks: counters have rates from the second row on.

    def test_array_rows(self):
        for prefix in ('/mon', '/dragonfly'):
            for group, fields in METRICS.items():
                with self.subTest(prefix=prefix, group=group):
                    answer = self.server.get_json(f'{prefix}/mcis/mcis-1/vm/vm-1/metric/{group}/info', periodType='m',
                                                  statisticsCriteria='avg', duration='5m')
                    self.assertEqual(answer['name'], group)
                    self.assertEqual(len(answer['columns']), fields + 1)
                    self.assertEqual(answer['columns'][0], 'time')
                    self.assertEqual((answer['columns'][1], answer['columns'][-1]), COLUMNS[group])
                    self.assertIn('hostId', answer['tags'])
                    if group == 'cpufreq' and not answer['values']:
                        continue  # A guest that sees no frequency has none.
                    self.assertIn(len(answer['values']), (1, 2))
                    for row in answer['values']:
                        self.assertEqual(len(row), fields + 1)
                        self.assertRegex(row[0], r'^\d{4}-\d\d-\d\dT\d\d:\d\d:00Z$')

    def test_the_whole_mcis(self):
        for path in ('/mon/mcis/mcis-1', '/dragonfly/mcis/mcis-1', '/dragonfly/ns/ns-1/mcis/mcis-1',
                     '/dragonfly/ns/ns-1/mci/mcis-1', '/dragonfly/ns/ns-1/infra/mcis-1'):
            now = self.server.get_json(f'{path}/rt-info', metric='memory')
            self.assertEqual((now['nsId'], now['mcisId'], now['vms']), ('ns-1', 'mcis-1', 1))
            spread = now['breakdown'][0]['value']['mem_utilization']
            self.assertEqual(spread['vms'], 1)
            self.assertEqual(len({spread[name] for name in ('sum', 'avg', 'min', 'max', 'p95')}), 1)
            self.assertEqual(now['top']['mem_utilization'], [{'vmId': 'vm-1', 'value': spread['sum']}])
            past = self.server.get_json(f'{path}/info', periodType='m', duration='5m')
            self.assertEqual(past['name'], 'all')
            self.assertIn('cpu_utilization', past['breakdown'][0]['values'][-1])
        self.assertEqual(self.server.get('/dragonfly/agent/metadata', ns='ns-1', infra_id='mcis-1',
                                         vm_id='vm-1').json['agent_health'], 'healthy')

    def test_object_rows_and_spellings(self):
        for spelling in ('mcis', 'mci', 'infra'):
            for name, group in [(g, g) for g in METRICS] + [('mem', 'memory'), ('net', 'network')]:
                with self.subTest(spelling=spelling, name=name):
                    answer = self.server.get_json(f'{vm_path(group=spelling)}/metric/{name}/info', periodType='m',
                                                  statisticsCriteria='avg', duration='5m')
                    self.assertEqual(answer['name'], name)
                    tags = answer['tags']
                    self.assertEqual((tags['nsId'], tags['mcisId'], tags['vmId']), ('ns-1', 'mcis-1', 'vm-1'))
                    for row in answer['values']:
                        self.assertIn('time', row)
                        self.assertTrue(set(row) - {'time'})
                    if group != 'cpufreq':
                        self.assertTrue(answer['values'])
                        self.assertIn(COLUMNS[group][0], answer['values'][-1])

    def test_partial_groups(self):
        def names(metric):
            answer = self.server.get_json(f'{vm_path()}/metric/{metric}/info', periodType='m', statisticsCriteria='avg',
                                          duration='5m')
            return set(answer['values'][-1]) - {'time'}
        self.assertTrue(names('swap') and all(name.startswith('swap_') for name in names('swap')))
        self.assertTrue({'kb_read', 'kb_written', 'ops_read', 'ops_write'} <= names('diskio'))
        self.assertNotIn('disk_total', names('diskio'))
        self.assertTrue({'cpu_idle', 'mem_total', 'disk_total', 'bytes_in'} <= names('all'))
        disk = names('disk')
        self.assertTrue({'used_percent', 'total', 'used', 'free', 'reads', 'writes', 'read_bytes', 'write_bytes', 'read_time',
                         'write_time'} <= disk, disk)

    def test_real_time(self):
        for base in ('/dragonfly/mcis/mcis-1/vm/vm-1', vm_path(), vm_path(group='mci'), vm_path(group='infra')):
            for statistic in ('min', 'max', 'avg', 'last'):
                with self.subTest(base=base, statistic=statistic):
                    answer = self.server.get_json(f'{base}/metric/cpu/rt-info', statisticsCriteria=statistic)
                    self.assertEqual((answer['vmId'], answer['metricName']), ('vm-1', 'cpu'))
                    self.assertRegex(answer['time'], r'Z$')
                    self.assertTrue(0 <= answer['value']['cpu_utilization'] <= 100)
        low, mean, high = (self.server.get_json(f'{vm_path()}/metric/cpu/rt-info', statisticsCriteria=s)['value']['cpu_idle']
                           for s in ('min', 'avg', 'max'))
        self.assertTrue(low - 0.01 <= mean <= high + 0.01, (low, mean, high))

    def test_vms_and_stream(self):
        vms = self.server.get_json('/api/v1/vms')['vms']
        self.assertEqual([(vm['ns'], vm['mcis'], vm['vm'], vm['state']) for vm in vms], [('ns-1', 'mcis-1', 'vm-1', 'alive')])
        import http.client
        host, _, port = self.server.http.rpartition(':')
        connection = http.client.HTTPConnection(host, int(port), timeout=10)
        connection.request('GET', '/api/v1/stream?ns=ns-1&group=cpu')
        answer = connection.getresponse()
        self.assertEqual(answer.status, 200)
        self.assertTrue(answer.headers['Content-Type'].startswith('text/event-stream'))
        line = b''
        while b'cpu_idle' not in line:
            line = answer.fp.readline()
            self.assertTrue(line, 'the stream ended without a row')
        connection.close()

    def test_series_query(self):
        answer = self.server.get_json('/api/v1/query', metric='cpu_idle,cpu_user', ns='ns-1', vm='vm-1', start='-5m',
                                      step='10s', statistic='avg')
        series = answer['series'][0]
        self.assertEqual(series['columns'], ['time', 'cpu_idle', 'cpu_user'])
        self.assertEqual(series['labels']['vm'], 'vm-1')
        self.assertTrue(series['values'])
        raw = self.server.raw_rows('cpu')[('ns-1', 'mcis-1', 'vm-1')]
        self.assertGreaterEqual(len(raw), 3)

    def test_on_demand(self):
        base = f'{vm_path()}/agent_ip/127.0.0.1/metric'
        started = time.monotonic()
        answer = self.server.get_json(f'{base}/cpu/ondemand-monitoring-info')
        self.assertLess(time.monotonic() - started, 1.0)
        self.assertEqual(answer['name'], 'cpu')
        self.assertIn('cpu_idle', answer['values'])
        self.assertIn('usage_utilization', answer['cpu']['fields'])
        everything = self.server.get_json(f'{base}/all/ondemand-monitoring-info')['values']
        # A guest may see no clock speed, and a system without utmp no users; nothing else may be absent.
        self.assertLessEqual(sum(METRICS.values()) - len(everything),
                             ('cpu_speed' not in everything) + ('user_num' not in everything))
        self.assertLessEqual(len(everything), sum(METRICS.values()))
        self.assertEqual(everything['bytes_in'], int(everything['bytes_in']))  # A running total.
        missing = self.server.get(f"{vm_path(vm='nobody')}/agent_ip/127.0.0.1/metric/cpu/ondemand-monitoring-info")
        self.assertEqual(missing.status, 404)
        self.assertIn('message', missing.json)

    def test_metrics_are_well_formed(self):
        """By the rules of the Prometheus text format: a family is one block that begins with HELP and TYPE."""
        families, samples, family, kind = set(), set(), None, None
        text = self.server.get('/metrics').text
        self.assertTrue(text.endswith('\n'))
        for line in text.splitlines():
            if line.startswith('# HELP '):
                family, kind = line.split(' ', 3)[2], None
                self.assertNotIn(family, families, 'a family comes twice')
                families.add(family)
            elif line.startswith('# TYPE '):
                _, _, name, kind = line.split(' ')
                self.assertEqual(name, family)
                self.assertIn(kind, ('counter', 'gauge', 'histogram'))
                self.assertEqual(kind == 'counter', name.endswith('_total'), line)
            else:
                match = re.fullmatch(r'([a-z_]+)(\{[a-z_]+="(?:[^"\\]|\\.)*"(?:,[a-z_]+="(?:[^"\\]|\\.)*")*\})? (\S+)', line)
                self.assertTrue(match, line)
                ends = ('_bucket', '_sum', '_count') if kind == 'histogram' else ('',)
                self.assertIn(match[1], [family + end for end in ends], line)
                self.assertNotIn(line.rpartition(' ')[0], samples, 'a sample comes twice')
                samples.add(line.rpartition(' ')[0])
                float(match[3])
        self.assertIn('dragonfly_rows_dropped_total{cause="disk_full"}', samples)
        self.assertIn('dragonfly_rows_dropped_total{cause="series_limit"}', samples)

    def test_metrics_and_config(self):
        metrics = self.server.metrics()
        for name in ('dragonfly_vms', 'dragonfly_frames_received_total', 'dragonfly_rows_received_total',
                     'dragonfly_rows_stored_total', 'dragonfly_rows_pending', 'process_resident_memory_bytes'):
            self.assertIn(name, metrics)
        self.assertEqual(metrics['dragonfly_vms'], 1)
        config = self.server.get_json('/dragonfly/config')
        for key, value in (('agent_interval', 2), ('collector_interval', 10), ('agent_TTL', 5), ('max_host_count', 10)):
            self.assertIn(key, config)
            self.assertEqual(float(config[key]), value)
        self.assertEqual(self.server.get('/dragonfly/healthcheck').status, 204)
        self.assertEqual(self.server.get('/health').status, 200)


class StoredPaths(E2e):
    """Rows whose values are known, asked back."""

    def f(self, server, metric, expected, path=None, **query):
        query = {'periodType': 'm', 'statisticsCriteria': 'avg', 'duration': '1h', **query}
        rows = server.get_json(f'{path or vm_path()}/metric/{metric}/info', **query)['values']
        self.assertEqual([{k: v for k, v in row.items() if k in expected[0]} for row in rows] if expected else rows, expected)

    def test_statistics_and_gaps(self):
        server = Server(self)
        minute = (int(time.time()) // 60 - 10) * 60  # Ten minutes ago, at a whole minute.
        values = {0: (10, 30, 20), 2: (50,)}  # Nothing in minute 1.
        lines = [f'cpu,{line_tags()} cpu_idle={value} {(minute + 60 * m + 5 + i) * 10**9}'
                 for m, row in values.items() for i, value in enumerate(row)]
        server.write('\n'.join(lines))
        for statistic, expected in (('avg', [20, 50]), ('min', [10, 50]), ('max', [30, 50]), ('last', [20, 50])):
            with self.subTest(statistic):
                self.f(server, 'cpu', [{'cpu_idle': value} for value in expected], statisticsCriteria=statistic)
        array = server.get_json('/mon/mcis/mcis-1/vm/vm-1/metric/cpu/info', periodType='m', statisticsCriteria='avg',
                                duration='1h')
        at = array['columns'].index('cpu_idle')
        self.assertEqual([row[at] for row in array['values']], [20, 50])
        self.assertEqual([row[0] for row in array['values']],
                         [time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(minute + 60 * m)) for m in values])
        never_sent = array['columns'].index('cpu_user')
        self.assertEqual([row[never_sent] for row in array['values']], [None, None])

    def test_counters_are_rates(self):
        server = Server(self)
        start = (int(time.time()) // 60 - 10) * 60
        totals = (1000, 1600, 2800)  # Every 10 s: 60 and 120 a second.
        server.write('\n'.join(f'net,{line_tags()} bytes_recv={total}i {(start + 10 * i) * 10**9}'
                               for i, total in enumerate(totals)))
        for statistic, expected in (('avg', 90), ('min', 60), ('max', 120), ('last', 120)):
            self.f(server, 'network', [{'bytes_in': expected}], statisticsCriteria=statistic)

    def test_errors_name_the_parameter(self):
        server = Server(self)
        server.write(f'cpu,{line_tags()} cpu_idle=1 {now_ns()}')
        good = {'periodType': 'm', 'statisticsCriteria': 'avg', 'duration': '5m'}
        for path, change, status, named in (
                ('/mon/mcis/mcis-1/vm/vm-1/metric/cpu/info', {'periodType': 'x'}, 400, 'periodType'),
                ('/mon/mcis/mcis-1/vm/vm-1/metric/cpu/info', {'statisticsCriteria': 'median'}, 400, 'statisticsCriteria'),
                ('/mon/mcis/mcis-1/vm/vm-1/metric/cpu/info', {'duration': '5'}, 400, 'duration'),
                ('/mon/mcis/mcis-1/vm/vm-1/metric/cpu/info', {'duration': '-5m'}, 400, 'duration'),
                ('/mon/mcis/mcis-1/vm/vm-1/metric/cpu/info', {'duration': '9' * 30 + 'h'}, 400, 'duration'),
                ('/mon/mcis/mcis-1/vm/vm-1/metric/gpu/info', {}, 400, 'gpu'),
                ('/mon/mcis/mcis-1/vm/nobody/metric/cpu/info', {}, 404, 'nobody'),
                (f'{vm_path(vm="nobody")}/metric/cpu/info', {}, 404, 'nobody'),
                (f'{vm_path(ns="elsewhere")}/metric/cpu/info', {}, 404, 'elsewhere'),
                (f'{vm_path()}/metric/cpu/rt-info', {'statisticsCriteria': 'median'}, 400, 'statisticsCriteria'),
                ('/api/v1/query', {'group': 'cpu', 'start': 'yesterday'}, 400, 'start'),
                ('/api/v1/query', {'group': 'cpu', 'step': '-1s'}, 400, 'step'),
                ('/api/v1/query', {'metric': 'cpu_idel'}, 400, 'cpu_idel'),
                ('/dragonfly/nothing/here', {}, 404, '')):
            with self.subTest(path=path, change=change):
                answer = server.get(path, **{**good, **change} if 'api' not in path else change)
                self.assertEqual(answer.status, status, answer)
                self.assertIn(named, answer.json['message'])
        self.assertEqual(server.request('DELETE', '/healthcheck').status, 405)

    def test_known_vm_without_data_in_range(self):
        server = Server(self)
        server.write(f'cpu,{line_tags()} cpu_idle=1 {now_ns() - 3 * 3600 * 10**9}')
        self.f(server, 'cpu', [], duration='5m')
        self.assertEqual(server.get_json(f'{vm_path()}/metric/cpu/rt-info', statisticsCriteria='avg')['value'], {})

    def test_same_vm_in_two_namespaces_asked_without_one(self):
        server = Server(self)
        server.write(f'cpu,{line_tags(ns="a")} cpu_idle=1 {now_ns()}\ncpu,{line_tags(ns="b")} cpu_idle=2 {now_ns()}')
        answer = server.get('/mon/mcis/mcis-1/vm/vm-1/metric/cpu/info', periodType='m', statisticsCriteria='avg',
                            duration='5m')
        self.assertEqual(answer.status, 409)
        self.assertRegex(answer.json['message'], r'\ba\b.*\bb\b')


if __name__ == '__main__':
    unittest.main()
