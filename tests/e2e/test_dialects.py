"""Clients that are there already: telegraf JSON datagrams and the Influx line protocol."""
import gzip
import json
import time
import unittest

from harness import E2e, Server, line_tags, now_ns, vm_path, wait_until

KEY = ('ns-1', 'mcis-1', 'vm-1')
TAGS = {'nsId': 'ns-1', 'mcisId': 'mcis-1', 'vmId': 'vm-1', 'osType': 'linux', 'cspType': 'aws', 'host': 'machine'}


class Telegraf(E2e):
    def send(self, server, name, fields, at, tags=None):
        server.send_udp(json.dumps({'name': name, 'tags': {**TAGS, **(tags or {})}, 'fields': fields, 'timestamp': at}))

    def rows(self, server, group):
        return wait_until(lambda: server.raw_rows(group).get(KEY), what=f'{group} rows')

    def test_groups(self):
        server = Server(self)
        at = int(time.time()) - 20
        for i in (0, 10):
            self.send(server, 'cpu', {'usage_idle': 90.5, 'usage_system': 4.25, 'usage_user': 5.25}, at + i, {'cpu': 'cpu-total'})
            self.send(server, 'mem', {'used_percent': 41.5, 'total': 8 << 30, 'free': 4 << 30}, at + i)
            self.send(server, 'swap', {'used_percent': 12.5, 'in': 1000 + 100 * i}, at + i)
            self.send(server, 'diskio', {'read_bytes': 1024 * (100 + 20 * i), 'reads': 10 + i}, at + i, {'name': 'vda'})
            self.send(server, 'net', {'bytes_recv': 1000 + 50 * i, 'drop_in': 0}, at + i, {'interface': 'eth0'})

        def both(group, column):
            return lambda: len([row for _, row in server.raw_rows(group).get(KEY, []) if row.get(column) is not None]) >= 1
        for group, column in (('cpu', 'cpu_idle'), ('memory', 'swap_utilization'), ('disk', 'kb_read'), ('network', 'bytes_in')):
            wait_until(both(group, column), what=f'{column} in {group}')
        cpu = self.rows(server, 'cpu')[-1]
        self.assertEqual(cpu[0], (at + 10) * 1000)
        self.assertEqual((cpu[1]['cpu_idle'], cpu[1]['cpu_system']), (90.5, 4.25))
        self.assertEqual(cpu[1]['cpu_utilization'], 9.5)  # Derived: 100 - idle.
        memory = self.rows(server, 'memory')[-1][1]
        self.assertEqual((memory['mem_utilization'], memory['mem_total'], memory['swap_utilization']), (41.5, 8 << 30, 12.5))
        self.assertEqual(memory['swap_in'], 100)
        self.assertEqual(self.rows(server, 'disk')[-1][1]['kb_read'], 20)
        self.assertEqual(self.rows(server, 'network')[-1][1]['bytes_in'], 50)
        tags = server.get_json(vm_path() + '/metric/cpu/info', periodType='m', statisticsCriteria='avg', duration='5m')['tags']
        self.assertEqual((tags['osType'], tags['cspType'], tags['vmId']), ('linux', 'aws', 'vm-1'))
        self.check_identity(server)

    def test_batch_and_older_tags(self):
        server = Server(self)
        at = int(time.time())
        server.send_udp(json.dumps({'metrics': [
            {'name': 'cpu', 'tags': {'mcisID': 'mcis-1', 'hostID': vm, 'cpu': 'cpu-total'}, 'fields': {'usage_idle': 50 + i},
             'timestamp': at} for i, vm in enumerate(('a', 'b'))]}))
        wait_until(lambda: len(server.raw_rows('cpu')) == 2, what='two VMs')
        self.assertEqual(server.raw_rows('cpu')[('default', 'mcis-1', 'b')][0][1]['cpu_idle'], 51)


class InfluxLines(E2e):
    def test_durable_and_readable_at_once(self):
        server = Server(self)
        at = now_ns() // 10**9 * 10**9
        for i in range(5):
            server.write(f'mem,{line_tags()} used_percent={i} {at + i * 10**6}')
            self.assertEqual(server.raw_rows('memory')[KEY][-1], ((at // 10**6) + i, server.raw_rows('memory')[KEY][-1][1]))
            self.assertEqual(server.raw_rows('memory')[KEY][-1][1]['mem_utilization'], i)

    def test_precision(self):
        server = Server(self)
        second = int(time.time()) // 3600 * 3600  # A whole hour, so that every precision can name it.
        for i, (precision, unit) in enumerate((('n', 10**9), ('ns', 10**9), ('u', 10**6), ('ms', 1000), ('s', 1),
                                               ('m', 1 / 60), ('h', 1 / 3600))):
            with self.subTest(precision):
                server.write(f'mem,{line_tags(vm=f"vm-{i}")} used_percent=7 {round(second * unit)}', precision=precision)
                self.assertEqual(server.raw_rows('memory', start='-2h')[('ns-1', 'mcis-1', f'vm-{i}')][0][0], second * 1000)
        server.write(f'mem,{line_tags(vm="now")} used_percent=7')  # No time: the server's.
        self.assertAlmostEqual(server.raw_rows('memory')[('ns-1', 'mcis-1', 'now')][0][0] / 1000, time.time(), delta=5)

    def test_gzip(self):
        server = Server(self)
        lines = '\n'.join(f'mem,{line_tags(vm=f"vm-{i}")} used_percent={i} {now_ns()}' for i in range(1000))
        answer = server.post('/write?db=cbmon', gzip.compress(lines.encode()), {'Content-Encoding': 'gzip'})
        self.assertEqual(answer.status, 204)
        self.assertEqual(answer.body, b'')
        self.assertEqual(len(server.raw_rows('memory')), 1000)

    def test_wrong_lines_are_named_and_the_others_stored(self):
        server = Server(self)
        at = now_ns()
        lines = [f'mem,{line_tags()} used_percent=1 {at}', 'nonsense', f'mem,{line_tags(vm="b")} used_percent=2 {at}',
                 f'mem,{line_tags()} used_percent= {at}', f'mem,{line_tags(vm="c")} used_percent=3 {at}',
                 f'mem,{line_tags()} used_percent=4 tomorrow']
        answer = server.post('/write?db=cbmon', '\n'.join(lines))
        self.assertEqual(answer.status, 400)
        message = answer.json.get('message') or answer.json.get('error')
        for number in (2, 4, 6):
            self.assertRegex(message, rf'\b{number}\b')
        self.assertLessEqual(len(answer.body), 5000)
        self.assertEqual({key[2]: rows[0][1]['mem_utilization'] for key, rows in server.raw_rows('memory').items()},
                         {'vm-1': 1, 'b': 2, 'c': 3})
        self.check_identity(server)

    def test_custom_measurement_and_type_conflict(self):
        server = Server(self)
        at = now_ns()
        server.write(f'queue,{line_tags()},shop=berlin depth=4i,open=t,rate=1.5 {at}')
        answer = server.get_json('/api/v1/query', group='queue', metric='depth', start='-5m', ns='ns-1')
        self.assertEqual(answer['series'][0]['values'][0][1], 4)
        conflict = server.post('/write?db=cbmon', f'queue,{line_tags()} depth="deep",rate=2.5 {at + 1000}')
        self.assertIn(conflict.status, (204, 400))  # A string is dropped and counted.
        conflict = server.post('/write?db=cbmon', f'queue,{line_tags()} depth=4.5 {at + 2000}')
        self.assertEqual(conflict.status, 400)
        self.assertRegex(conflict.text, r'int')
        self.assertRegex(conflict.text, r'float')

    def test_late_and_future_rows(self):
        server = Server(self)
        now = int(time.time())
        for age, status in ((3600, 204), (25 * 3600, 204), (27 * 3600, 400), (-300, 204), (-3600, 400)):
            with self.subTest(age=age):
                answer = server.post('/write?db=cbmon&precision=s', f'mem,{line_tags()} used_percent=1 {now - age}')
                self.assertEqual(answer.status, status, answer)
        self.check_identity(server)


if __name__ == '__main__':
    unittest.main()
