"""Defects of the original CB-Dragonfly that must be impossible here, one test each."""
import json
import time
import unittest

from harness import Agent, E2e, Server, line_tags, now_ns, vm_path, wait_until


class OriginalDefects(E2e):
    def telegraf(self, server, tags, idle, at=None):
        server.send_udp(json.dumps({'name': 'cpu', 'tags': {'cpu': 'cpu-total', **tags}, 'fields': {'usage_idle': idle},
                                    'timestamp': at or int(time.time())}))

    def info(self, server, path=None, **query):
        query = {'periodType': 'm', 'statisticsCriteria': 'avg', 'duration': '1h', **query}
        return server.get_json((path or vm_path()) + '/metric/cpu/info', **query)['values']

    def test_one_bad_packet_does_not_stop_ingest(self):
        server = Server(self)
        for i, bad in enumerate((b'', b'{', b'{"name":', b'not json', b'{"name":"cpu","fields":{"usage_idle":"x"}}', b'[]', b'{}',
                                 b'{"name":"cpu","tags":null,"fields":null}', b'\xff' * 100)):
            server.send_udp(bad)
            self.telegraf(server, {'mcisId': 'mcis-1', 'vmId': f'vm-{i}'}, 50 + i)
            wait_until(lambda: ('default', 'mcis-1', f'vm-{i}') in server.raw_rows('cpu'), what=f'the row after {bad!r}')
        self.assertGreaterEqual(server.metric_sum('dragonfly_datagrams_malformed_total'), 6)

    def test_packet_without_host_id_does_not_end_the_process(self):
        server = Server(self)
        for tags in ({}, {'mcisId': 'mcis-1'}, {'mcisId': 'mcis-1', 'vmId': ''}):
            self.telegraf(server, tags, 50)
        self.telegraf(server, {'mcisId': 'mcis-1', 'vmId': 'vm-1'}, 60)
        wait_until(lambda: ('default', 'mcis-1', 'vm-1') in server.raw_rows('cpu'), what='the good row')
        self.assertEqual(len(server.get_json('/api/v1/vms')['vms']), 1)
        server.stop()

    def test_group_id_is_not_replaced_by_host_id(self):
        server = Server(self)
        self.telegraf(server, {'mcisId': 'group', 'vmId': 'vm-1', 'hostId': 'host', 'host': 'machine'}, 50)
        wait_until(lambda: ('default', 'group', 'vm-1') in server.raw_rows('cpu'), what='the row under its group')
        self.assertEqual(server.get('/mon/mcis/host/vm/vm-1/metric/cpu/info', periodType='m', statisticsCriteria='avg',
                                    duration='5m').status, 404)

    def test_columns_match_values(self):
        server = Server(self)
        agent = Agent(self, server, server.key(self))
        path = '/mon/mcis/mcis-1/vm/vm-1/metric/{}/info'
        wait_until(lambda: server.try_get(vm_path() + '/metric/cpu/rt-info') == 200, what='a first row')
        for group in ('cpu', 'memory', 'disk', 'network', 'cpufreq'):
            answer = server.get_json(path.format(group), periodType='m', statisticsCriteria='last', duration='5m')
            objects = server.get_json(f'{vm_path()}/metric/{group}/info', periodType='m', statisticsCriteria='last', duration='5m')
            for row, other in zip(answer['values'], objects['values']):
                self.assertEqual(len(row), len(answer['columns']))
                named = dict(zip(answer['columns'], row))
                self.assertEqual(named['time'], other['time'])
                if group == 'memory':  # Constant between the two calls.
                    self.assertEqual(named['mem_total'], other['mem_total'])
                    self.assertEqual(named['mem_total'], int(open('/proc/meminfo').readline().split()[1]) * 1024)
        agent.stop()

    def test_avg_is_not_one_sample(self):
        server = Server(self)
        start = (int(time.time()) // 60 - 5) * 60
        server.write('\n'.join(f'cpu,{line_tags()} cpu_idle={v} {(start + i) * 10**9}' for i, v in enumerate((10, 20, 90, 40))))
        self.assertEqual([row['cpu_idle'] for row in self.info(server)], [40])
        now = now_ns()
        server.write('\n'.join(f'cpu,{line_tags(vm="b")} cpu_idle={v} {now - i * 10**9}' for i, v in enumerate((10, 20, 90, 40))))
        value = server.get_json(vm_path(vm='b') + '/metric/cpu/rt-info', statisticsCriteria='avg')['value']
        self.assertEqual(value['cpu_idle'], 40)

    def test_gap_is_absent_not_zero(self):
        server = Server(self)
        start = (int(time.time()) // 60 - 8) * 60
        server.write(f'cpu,{line_tags()} cpu_idle=70 {start * 10**9}\ncpu,{line_tags()} cpu_idle=80 {(start + 300) * 10**9}')
        rows = self.info(server)
        self.assertEqual([row['cpu_idle'] for row in rows], [70, 80])
        self.assertEqual([row['time'] for row in rows],
                         [time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(start + s)) for s in (0, 300)])
        for statistic in ('min', 'max', 'last'):
            self.assertNotIn(0, [row['cpu_idle'] for row in self.info(server, statisticsCriteria=statistic)])

    def test_time_of_the_agent_is_kept(self):
        server = Server(self)
        at = int(time.time()) - 1234
        self.telegraf(server, {'nsId': 'ns-1', 'mcisId': 'mcis-1', 'vmId': 'vm-1'}, 50, at)
        wait_until(lambda: server.raw_rows('cpu'), what='the row')
        self.assertEqual(server.raw_rows('cpu')[('ns-1', 'mcis-1', 'vm-1')][0][0], at * 1000)

    def test_same_vm_in_two_namespaces_does_not_mix(self):
        server = Server(self)
        at = (int(time.time()) // 60 - 2) * 60 * 10**9
        server.write('\n'.join(f'cpu,{line_tags(ns=ns)} cpu_idle={v} {at + i}'
                               for i, (ns, v) in enumerate((('a', 10), ('b', 90), ('a', 20), ('b', 80)))))
        for ns, expected in (('a', 15), ('b', 85)):
            self.assertEqual([row['cpu_idle'] for row in self.info(server, vm_path(ns=ns))], [expected])
        server.kill9()
        again = Server(self, data=server.data)
        for ns, expected in (('a', 15), ('b', 85)):
            self.assertEqual([row['cpu_idle'] for row in self.info(again, vm_path(ns=ns))], [expected])


if __name__ == '__main__':
    unittest.main()
