"""Answers of any length are made while they are sent: whole for whoever reads them, and never in the server's memory."""
import gzip
import http.client
import json
import pathlib
import socket
import time
import unittest

from harness import Agent, E2e, Server, line_tags, vm_path, wait_until

ROWS, VMS, STEP_NS = 120_000, 1500, 1_000_000_000
FIELDS = ('cpu_utilization', 'cpu_system', 'cpu_idle', 'cpu_iowait', 'cpu_nice', 'cpu_user')
GROWTH_MAX = 110 << 20  # 3.5 MB a reader were measured, whatever the answer; built whole they took 160 MB of text alone.
READERS = 24


class Stream:
    """One reader of all answers of a connection."""

    def __init__(self, connection):
        self.file = connection.makefile('rb')

    def makefile(self, _):
        return self

    def __getattr__(self, name):
        return getattr(self.file, name)

    def close(self):
        pass


class LargeAnswers(E2e):
    @classmethod
    def lines(cls, rows, begin):
        for i in rows:
            fields = ','.join(f'{name}={(i * (k + 3)) % 9973 / 100}' for k, name in enumerate(FIELDS))
            yield f'cpu,{line_tags()} {fields} {begin + i * STEP_NS}'

    def fill(self, server):
        """A day and a half of one VM: some 10 MB as JSON."""
        begin = (time.time_ns() // STEP_NS - ROWS - 60) * STEP_NS
        for at in range(0, ROWS, 5000):
            server.write('\n'.join(self.lines(range(at, at + 5000), begin)))
        return begin

    def server(self):
        return Server(self, args=['--set', 'ingest.late_window=40h'])

    @staticmethod
    def resident(server):
        status = pathlib.Path(f'/proc/{server.pid}/status').read_text()
        return int(status.split('VmRSS:')[1].split()[0]) * 1024

    @staticmethod
    def open(server, target, headers='', window=None):
        connection = socket.socket()
        if window:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        connection.settimeout(30)
        connection.connect(('127.0.0.1', int(server.http.rpartition(':')[2])))
        connection.sendall(f'GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n'.encode())
        return connection

    def test_every_row_comes_however_the_answer_is_read(self):
        server = self.server()
        begin = self.fill(server)
        target = f'/api/v1/query?metric={",".join(FIELDS)}&start={begin // STEP_NS}&epoch=ms'
        answer = server.request('GET', target, timeout_s=60)
        self.assertEqual(answer.headers.get('Transfer-Encoding'), 'chunked')
        self.assertGreater(len(answer.body), 4 << 20)
        series = answer.json['series']
        self.assertEqual([one['labels']['vm'] for one in series], ['vm-1'])
        want = [[(begin + i * STEP_NS) // 1_000_000, *((i * (k + 3)) % 9973 / 100 for k in range(len(FIELDS)))]
                for i in range(ROWS)]
        self.assertEqual(series[0]['columns'], ['time', *FIELDS])
        self.assertTrue(series[0]['values'] == want, 'the rows differ from what was written')
        packed = server.request('GET', target, headers={'Accept-Encoding': 'gzip'}, timeout_s=60)
        self.assertEqual(packed.headers.get('Content-Encoding'), 'gzip')
        self.assertLess(len(packed.body), len(answer.body) / 2)
        self.assertTrue(gzip.decompress(packed.body) == answer.body, 'packed it is another text')
        # To HTTP/1.0 it ends with the connection.
        with self.open(server, target) as connection:
            connection.close()
        old = socket.create_connection(('127.0.0.1', int(server.http.rpartition(':')[2])), timeout=60)
        old.sendall(f'GET {target} HTTP/1.0\r\n\r\n'.encode())
        with old, old.makefile('rb') as stream:
            head, _, body = stream.read().partition(b'\r\n\r\n')
        self.assertNotIn(b'chunked', head)
        self.assertTrue(body == answer.body, 'by HTTP/1.0 it is another text')
        # The same rows as minutes, as older clients ask.
        info = server.get_json(f'{vm_path()}/metric/cpu/info', periodType='m', statisticsCriteria='max', duration='36h')
        self.assertEqual(len(info['values']), len({row[0] // 60_000 for row in want}))
        server.stop()

    def test_slow_readers_cost_a_piece_each(self):
        server = self.server()
        begin = self.fill(server)
        target = f'/api/v1/query?metric={",".join(FIELDS)}&start={begin // STEP_NS}&epoch=ms'
        server.request('GET', target, timeout_s=60)  # So that caches are warm.
        before = self.resident(server)
        readers = [self.open(server, target, window=65536) for _ in range(READERS)]
        for connection in readers:
            self.addCleanup(connection.close)
        wait_until(lambda: server.metrics()['dragonfly_http_answers_in_pieces'] == READERS, what='all are being answered')
        most = before
        for _ in range(30):  # Each reads a little of its 6 MB at a time.
            for connection in readers:
                connection.recv(16384)
            most = max(most, self.resident(server))
        self.assertEqual(server.metrics()['dragonfly_http_answers_in_pieces'], READERS)
        self.assertLess(most - before, GROWTH_MAX, f'{(most - before) >> 20} MiB for {READERS} readers')
        for connection in readers:
            connection.close()
        wait_until(lambda: server.metrics()['dragonfly_http_answers_in_pieces'] == 0, what='all are forgotten')
        self.assertEqual(server.metrics()['dragonfly_http_answers_broken_total'], 0)
        server.stop()

    def test_lists_of_all_machines_and_pipelined_questions(self):
        server = Server(self)
        now = time.time_ns()
        server.write('\n'.join(f'cpu,{line_tags(vm=f"vm-{i:04}")},cspType=aws cpu_idle=5,cpu_system={i} {now}' for i in range(VMS)))
        page = server.get_json('/api/v1/vms', limit='10000')
        self.assertEqual([vm['vm'] for vm in page['vms']], [f'vm-{i:04}' for i in range(VMS)])
        self.assertEqual([vm['latest']['cpu_system'] for vm in page['vms']], list(range(VMS)))
        self.assertIsNone(page['next'])
        self.assertEqual(len(server.get_json('/dragonfly/agents/metadata')), VMS)
        connection = self.open(server, '/api/v1/vms?limit=10000', window=65536)
        connection.sendall(b'GET /dragonfly/agents/metadata HTTP/1.1\r\nHost: x\r\n\r\n'.replace(b'x', b'127.0.0.1') +
                           b'GET /healthcheck HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n')
        bodies = []
        stream = Stream(connection)
        for _ in range(3):
            answer = http.client.HTTPResponse(stream)
            answer.begin()
            bodies.append((answer.status, answer.read()))
        self.assertEqual([status for status, _ in bodies], [200, 200, 204])
        self.assertEqual(len(json.loads(bodies[0][1])['vms']), VMS)
        self.assertEqual(len(json.loads(bodies[1][1])), VMS)
        connection.close()
        server.stop()


class AgentMetadata(E2e):
    def test_what_operators_say_outlives_the_server(self):
        server = Server(self)
        agent = Agent(self, server, server.key(self), '500ms')
        query = {'ns': 'ns-1', 'service_id': 'mcis-1', 'vm_id': 'vm-1'}
        path = '/dragonfly/agent/metadata'
        wait_until(lambda: server.get(path, **query).status == 200, what='the agent is listed')
        put = lambda body: server.request('PUT', path + '?ns=ns-1&service_id=mcis-1&vm_id=vm-1', json.dumps(body))
        self.assertEqual(put({'public_ip': '192.0.2.7', 'agent_state': 'disable'}).status, 200)
        self.assertEqual(put({'agent_type': 'pull'}).status, 501)
        self.assertEqual(server.get(f'{vm_path()}/agent_ip/0.0.0.0/metric/cpu/ondemand-monitoring-info').status, 409)
        server.stop()
        server = Server(self, data=server.data, udp=server.udp)
        wait_until(lambda: server.get_json(path, **query)['agent_health'] == 'healthy', what='the agent is back')
        known = server.get_json(path, **query)
        self.assertEqual((known['public_ip'], known['agent_state']), ('192.0.2.7', 'disable'))
        whats = [entry['what'] for entry in server.get_json('/api/v1/audit')['entries']]
        self.assertEqual(whats[0], 'agent metadata change')
        agent.stop()

        def is_forgotten():  # Also where its last row came after the first request.
            answer = server.request('DELETE', path + '?ns=ns-1&service_id=mcis-1&vm_id=vm-1')
            self.assertIn(answer.status, (200, 404))
            return answer.status == 404
        wait_until(is_forgotten, what='it is forgotten')
        self.assertEqual(server.get_json('/dragonfly/agents/metadata'), {})
        server.stop()
        server = Server(self, data=server.data, udp=server.udp)
        self.assertEqual(server.get_json('/dragonfly/agents/metadata'), {})
        Agent(self, server, server.key(self), '500ms')
        listed = wait_until(lambda: server.get_json('/dragonfly/agents/metadata'), what='it is listed again')
        self.assertEqual([one['public_ip'] for one in listed.values()], [''])
        server.stop()


if __name__ == '__main__':
    unittest.main()
