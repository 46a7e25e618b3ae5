"""Bytes that nobody should send: counted by cause, answered where a question was asked, and nothing else changes."""
import gzip
import os
import random
import socket
import struct
import time
import unittest

from harness import Agent, E2e, Server, line_tags, now_ns, vm_path, wait_until

MALFORMED = int(os.environ.get('DF_HOSTILE_DATAGRAMS', 10_000))


class HostileDatagrams(E2e):
    def garbage(self, chance, good):
        """One malformed datagram: random, cut, flipped, oversized, unauthenticated, or broken telegraf JSON."""
        kind = chance.randrange(8)
        if kind == 0:
            return chance.randbytes(chance.randrange(0, 64))
        if kind == 1:
            return chance.randbytes(chance.randrange(64, 1400))
        if kind == 2:  # A header of ours, unknown agent, random body.
            return struct.pack('<BBBBIQQQ', 1, 1, 0, 0, 0, chance.getrandbits(64), chance.getrandbits(63), 1) + chance.randbytes(200)
        if kind == 3:
            return good[:chance.randrange(0, len(good))]
        if kind == 4:
            flipped = bytearray(good)
            flipped[chance.randrange(32, len(good))] ^= 1 << chance.randrange(8)
            return bytes(flipped)
        if kind == 5:
            return b'{' + chance.randbytes(chance.randrange(0, 300))
        if kind == 6:
            return b'{"name":"cpu","tags":{"host":"h"},"fields":' + b'[' * chance.randrange(1, 500)
        return chance.randbytes(1) * chance.randrange(1201, 9000)

    def test_ingest_goes_on_and_nothing_is_sent_back(self):
        server = Server(self)
        capture = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(capture.close)
        capture.bind(('127.0.0.1', 0))
        capture.settimeout(10)
        key = server.key(self, 'captured')
        real, server.udp = server.udp, '127.0.0.1:%d' % capture.getsockname()[1]
        source = Agent(self, server, key)
        good = capture.recv(65536)
        source.kill9()
        server.udp = real

        agent = Agent(self, server, server.key(self), '1s')
        wait_until(lambda: server.try_get(vm_path() + '/metric/cpu/rt-info') == 200, what='a first row')
        before = server.refused_datagrams()
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(sender.close)
        sender.bind(('127.0.0.1', 0))
        chance = random.Random(2)
        first = time.time() * 1000
        for i in range(MALFORMED):
            sender.sendto(self.garbage(chance, good), server.udp_address)
            if i % 50 == 49:
                time.sleep(0.01)
        last = time.time() * 1000
        self.assertTrue(server.alive())

        def counted():
            bad = server.refused_datagrams() - before
            return bad >= MALFORMED * 0.99 and bad  # The kernel may drop a few: the socket's buffer is bounded.
        bad = wait_until(counted, what='10,000 counted datagrams')
        self.assertLessEqual(bad, MALFORMED)
        causes = [name for name, value in server.metrics().items()
                  if name.startswith(('dragonfly_datagrams_malformed_total{', 'dragonfly_frames_dropped_total{')) and value]
        self.assertGreaterEqual(len(causes), 3, causes)

        sender.settimeout(0.5)
        with self.assertRaises(TimeoutError, msg='something was sent back'):
            sender.recv(65536)

        def undisturbed():
            times = [t for t, _ in server.raw_rows('memory')[('ns-1', 'mcis-1', 'vm-1')] if first <= t <= last]
            return len(times) >= int((last - first) / 1000) - 1 and all(b - a == 1000 for a, b in zip(times, times[1:]))
        wait_until(undisturbed, what='the rows of the agent during the attack')
        self.assertEqual([vm['vm'] for vm in server.get_json('/api/v1/vms')['vms']], ['vm-1'])
        self.assertLess(len(server.log.read_text().splitlines()), 200, 'log lines are limited in rate')
        self.check_identity(server)
        agent.stop()
        server.stop()


class HostileHttp(E2e):
    def setUp(self):
        super().setUp()
        self.server = Server(self)

    def raw(self, data, timeout_s=15):
        """Sends bytes as they are; returns what came back until the end (b'' = closed without an answer)."""
        host, _, port = self.server.http.rpartition(':')
        with socket.create_connection((host, int(port)), timeout=timeout_s) as connection:
            out = b''
            try:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                while chunk := connection.recv(65536):
                    out += chunk
            except (ConnectionResetError, BrokenPipeError):
                pass
        return out

    def f(self, data, allowed):
        """The status is one of `allowed`; 0 = closed without an answer. The server goes on."""
        answer = self.raw(data)
        status = int(answer.split(b' ')[1]) if answer.startswith(b'HTTP/1.') else 0
        self.assertIn(status, allowed, answer[:300])
        self.assertEqual(self.server.get('/healthcheck').status, 204)

    def test_framing(self):
        host = b'Host: localhost\r\n'
        bad = (400, 0)
        self.f(b'\r\n\r\n', bad)
        self.f(b'\x00' * 100, bad)
        self.f(b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', bad)  # A TLS hello.
        self.f(b'GET\r\n\r\n', bad)
        self.f(b'GET / HTTP/9.9\r\n' + host + b'\r\n', (400, 505, 0))
        self.f(b'GET / HTTP/1.1\r\n\r\n', (400,))  # No Host.
        self.f(b'GET /healthcheck HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', (400, 421))
        self.f(b'GET /healthcheck HTTP/1.1\r\nHost: evil.example\r\n\r\n', (421,))
        self.f(b'POST /write HTTP/1.1\r\n' + host + b'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', bad)
        self.f(b'POST /write HTTP/1.1\r\n' + host + b'Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello', bad)
        self.f(b'POST /write HTTP/1.1\r\n' + host + b'Content-Length: -5\r\n\r\n', bad)
        self.f(b'POST /write HTTP/1.1\r\n' + host + b'Content-Length: 99999999999999999999\r\n\r\n', (400, 413, 0))
        self.f(b'POST /write HTTP/1.1\r\n' + host + b'Content-Length: 400000000\r\n\r\n', (413, 0))
        self.f(b'POST /write HTTP/1.1\r\n' + host + b'Transfer-Encoding: chunked\r\n\r\nZZZ\r\n', bad)
        self.f(b'GET /' + b'a' * 100_000 + b' HTTP/1.1\r\n' + host + b'\r\n', (400, 414, 431, 0))
        self.f(b'GET / HTTP/1.1\r\n' + host + b'X: ' + b'a' * 200_000 + b'\r\n\r\n', (400, 431, 0))
        self.f(b'GET / HTTP/1.1\r\n' + host + b'A: b\r\n' * 20_000 + b'\r\n', (400, 431, 0))
        self.f(b'GET /healthcheck HTTP/1.1\r\n' + host + b' folded: x\r\n\r\n', bad)

    def test_paths(self):
        def get(path):
            return b'GET ' + path + b' HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
        for path in (b'/../../etc/passwd', b'/%2e%2e/%2e%2e/etc/passwd', b'//etc/passwd', b'/%00', b'/%zz', b'/%c0%ae%c0%ae/',
                     b'/dragonfly/ns/%ff/mcis/a/vm/b/metric/cpu/info', b'/dragonfly/ns//mcis//vm//metric//info',
                     b'/mon/mcis/a/vm/b/metric/cpu/info?duration=%00', b'/api/v1/query?' + b'group=cpu&' * 2000):
            with self.subTest(path=path[:60]):
                answer = self.raw(get(path))
                self.assertIn(int(answer.split(b' ')[1]), (400, 404, 414, 422, 431), answer[:200])
                self.assertNotIn(b'root:', answer)

    def test_bodies(self):
        post = self.server.post
        bomb = gzip.compress(b'\0' * (200 << 20), 9)
        started = time.monotonic()
        answer = post('/write?db=cbmon', bomb, {'Content-Encoding': 'gzip'})
        self.assertEqual(answer.status, 413)
        self.assertLess(time.monotonic() - started, 5)
        self.assertLess(self.server.metrics()['process_resident_memory_bytes'], 300 << 20)
        self.assertEqual(post('/write?db=cbmon', b'not gzip', {'Content-Encoding': 'gzip'}).status, 400)
        self.assertIn(post('/write?db=cbmon', b'x', {'Content-Encoding': 'br'}).status, (400, 415))
        self.assertEqual(post('/write?db=cbmon&precision=fortnight', b'cpu a=1').status, 400)
        self.assertEqual(post('/write?db=cbmon', b'\xff\xfe\x00').status, 400)
        self.server.write(f'cpu,{line_tags()} cpu_idle=1 {now_ns()}')

    def test_slow_and_idle_connections_do_not_block_others(self):
        host, _, port = self.server.http.rpartition(':')
        slow = []
        for i in range(200):
            connection = socket.create_connection((host, int(port)), timeout=10)
            self.addCleanup(connection.close)
            connection.sendall((b'GET /he', b'POST /write HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n', b'')[i % 3])
            slow.append(connection)
        started = time.monotonic()
        self.assertEqual(self.server.get('/healthcheck').status, 204)
        self.assertLess(time.monotonic() - started, 1)


class Refusals(E2e):
    def test_http_other_than_loopback_in_clear_needs_insecure(self):
        for address in ('0.0.0.0:0', '[::]:0'):
            with self.subTest(address):
                server = Server(self, http=address, args=['--set', 'tls.mode=off'], ready=False)
                self.assertNotEqual(server.wait_exit(), 0)
                self.assertRegex(server.log.read_text() + ' '.join(server.lines), '--insecure')
        server = Server(self, http='0.0.0.0:0', args=['--insecure'], ready=False)
        server.wait_line(r'^listening http=0\.0\.0\.0:[1-9]\d* udp=127\.0\.0\.1:[1-9]\d*')
        server.stop()

    def test_port_0_gives_ports_of_its_own(self):
        servers = [Server(self) for _ in range(2)]
        ports = {s.http for s in servers} | {s.udp for s in servers}
        self.assertEqual(len(ports), 4)
        self.assertTrue(all(port.rpartition(':')[2] != '0' for port in ports))

    def test_wrong_command_lines(self):
        for args in (['--no-such-option'], ['--set', 'monitoring.no_such_key=1'], ['--set', 'monitoring.collector_interval=x'],
                     ['--http', 'nonsense'], ['--udp', '127.0.0.1:99999'], ['--config', '/nonexistent.yaml']):
            with self.subTest(args=args):
                server = Server(self, args=args, ready=False) if args[0] not in ('--http', '--udp') else \
                    Server(self, ready=False, **{args[0].strip('-'): args[1]})
                self.assertNotEqual(server.wait_exit(), 0)
                self.assertTrue(server.log.read_text() or server.lines, 'says nothing')


if __name__ == '__main__':
    unittest.main()
