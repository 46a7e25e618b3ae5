"""A thousand slow connections do not delay a good client. The bound is generous; bench/api/run measures."""
import http.client
import socket
import statistics
import threading
import time
import unittest

from harness import E2e, Server, line_tags, now_ns, wait_until

SLOW, REQUESTS, EXTRA_MS = 1000, 400, 40


class SlowClients(E2e):
    def p99_ms(self, server):
        host, _, port = server.http.rpartition(':')
        connection = http.client.HTTPConnection(host, int(port), timeout=20)
        times = []
        for _ in range(REQUESTS):
            begun = time.perf_counter()
            connection.request('GET', '/api/v1/vms')
            answer = connection.getresponse()
            answer.read()
            times.append((time.perf_counter() - begun) * 1000)
            self.assertEqual(answer.status, 200)
        connection.close()
        return statistics.quantiles(times, n=100)[98]

    def connect(self, server, i):
        """Half never end their headers, half never read what they asked for."""
        connection = socket.socket()
        self.addCleanup(connection.close)
        connection.bind((f'127.0.1.{1 + i // 500}', 0))  # Of one address a thousand are allowed.
        connection.settimeout(20)
        connection.connect(('127.0.0.1', int(server.http.rpartition(':')[2])))
        connection.sendall(b'GET /api/v1/vms HTTP/1.1\r\nHost: 127.0.0.1\r\n' + (b'X-Slow: ' if i % 2 == 0 else b'\r\n'))
        return connection

    def test_a_thousand_do_not_delay_a_good_one(self):
        server = Server(self)
        server.write('\n'.join(f'cpu,{line_tags(vm=f"vm-{i}")} cpu_idle=5 {now_ns()}' for i in range(100)))
        self.p99_ms(server)
        alone = self.p99_ms(server)
        stopping = threading.Event()
        slow = [self.connect(server, i) for i in range(SLOW)]
        drips = [0]

        def drip():
            while not stopping.wait(0.5):
                for connection in slow[::2]:
                    try:
                        connection.send(b'x')
                        drips[0] += 1
                    except OSError:
                        pass  # Cut off after its 10 s, as it must be.
        thread = threading.Thread(target=drip)
        thread.start()
        try:
            wait_until(lambda: server.metrics().get('dragonfly_http_connections', SLOW) >= SLOW, what='all are connected')
            wait_until(lambda: drips[0] >= SLOW / 2, what='each has sent a byte')
            beside = self.p99_ms(server)
        finally:
            stopping.set()
            thread.join()
        self.assertLessEqual(beside, 2 * alone + EXTRA_MS, f'alone {alone:.1f} ms')
        self.assertEqual(server.get('/healthcheck').status, 204)

    def test_those_that_never_end_their_headers_are_cut_off(self):
        server = Server(self)
        connection = self.connect(server, 0)
        self.assertIn(b' 408 ', connection.recv(4096))


if __name__ == '__main__':
    unittest.main()
