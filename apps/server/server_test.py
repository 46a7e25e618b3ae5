"""The real server and the real agent: rows are taken, survive kill -9 and are acknowledged once."""
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

BIN = pathlib.Path(sys.argv.pop(1))


class Server:
    def __init__(self, data, *args):
        self.process = subprocess.Popen([BIN / 'cb-dragonfly', '--data-dir', data, '--http', '127.0.0.1:0', '--udp',
                                         '127.0.0.1:0', *args], stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.http, self.udp = re.match(r'listening http=(\S+) udp=(\S+)', line).groups()

    def call(self, path, body=None):
        try:
            with urllib.request.urlopen(f'http://{self.http}{path}', data=body, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metric(self, name):
        text = self.call('/metrics')[1]
        return sum(float(value) for value in re.findall(rf'^{name}(?:{{.*}})? (\S+)$', text, re.M))

    def wait_metric(self, name, at_least):
        for _ in range(200):
            value = self.metric(name)
            if value >= at_least:
                return value
            time.sleep(0.1)
        raise AssertionError(f'{name} stays at {value}, want {at_least}')

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(20)
        self.process.stdout.close()
        return code


class ServerTest(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.data = pathlib.Path(holder.name, 'data')
        self.key = pathlib.Path(holder.name, 'key')
        self.children = []
        self.addCleanup(lambda: [child.kill() or child.wait() for child in self.children])

    def start(self, *args):
        server = Server(self.data, *args)
        self.children.append(server.process)
        return server

    def agent(self, server):
        if not self.key.exists():
            subprocess.run([BIN / 'cb-dragonfly', 'agent-key', 'new', '--data-dir', self.data, '--vm', 'vm-1', '--out',
                            self.key], check=True)
        agent = subprocess.Popen([BIN / 'cb-agent', '--server', server.udp, '--key', self.key, '--interval', '200ms'])
        self.children.append(agent)
        return agent

    def identity(self, server):
        parts = {name: server.metric(f'dragonfly_rows_{name}')
                 for name in ('stored_total', 'duplicate_total', 'refused_total', 'dropped_total', 'pending')}
        return parts

    def test_sealed_rows_of_a_real_agent_survive_kill_9(self):
        server = self.start()
        self.assertEqual(server.call('/healthcheck')[0], 204)
        agent = self.agent(server)
        stored = server.wait_metric('dragonfly_rows_stored_total', 30)
        self.assertGreater(server.metric('dragonfly_acks_sent_total'), 0)
        self.assertEqual(server.metric('dragonfly_datagrams_malformed_total{cause="not_authentic"}'), 0)
        server.stop(signal.SIGKILL)
        agent.terminate()
        agent.wait(10)
        again = self.start()
        self.assertGreaterEqual(again.metric('dragonfly_rows_recovered_total'), stored)
        self.assertEqual(again.metric('dragonfly_vms'), 1)
        self.assertEqual(again.stop(), 0)

    def test_rows_received_are_accounted_for(self):
        server = self.start()
        agent = self.agent(server)
        server.wait_metric('dragonfly_rows_stored_total', 20)
        agent.terminate()
        self.assertEqual(agent.wait(10), 0)
        received = server.metric('dragonfly_rows_received_total')
        self.assertEqual(received, sum(self.identity(server).values()))
        self.assertEqual(server.stop(), 0)

    def test_influx_lines_are_durable_when_answered(self):
        server = self.start()
        line = f'cpu,nsId=ns,mcisId=m,vmId=v,cpu=cpu-total usage_idle=97.5 {time.time_ns()}\n'
        self.assertEqual(server.call('/write?db=cbmon', line.encode()), (204, ''))
        server.stop(signal.SIGKILL)
        again = self.start()
        self.assertEqual(again.metric('dragonfly_rows_recovered_total'), 1)
        code, text = again.call('/write?db=cbmon', line.encode() + b'broken\n')
        self.assertEqual(code, 400)
        self.assertIn('line 2', text)
        self.assertEqual(again.stop(), 0)

    def test_hostile_datagrams_change_nothing(self):
        import os
        import socket
        server = self.start()
        self.agent(server)
        server.wait_metric('dragonfly_rows_stored_total', 5)
        host, port = server.udp.rsplit(':', 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for i in range(2000):
                sender.sendto(os.urandom(1 + i % 1300), (host, int(port)))
                if i % 50 == 0:
                    time.sleep(0.005)
            before = server.metric('dragonfly_rows_stored_total')
            server.wait_metric('dragonfly_rows_stored_total', before + 5)
            sender.settimeout(0.2)
            with self.assertRaises(TimeoutError):
                sender.recv(2000)  # Nothing is sent back.
        self.assertGreater(server.metric('dragonfly_datagrams_malformed_total'), 1000)

    def test_clear_text_on_an_address_that_others_reach_is_refused(self):
        done = subprocess.run([BIN / 'cb-dragonfly', '--data-dir', self.data, '--http', '0.0.0.0:0', '--set',
                               'tls.mode=off'], capture_output=True, text=True, timeout=10)
        self.assertEqual(done.returncode, 2)
        self.assertIn('--insecure', done.stderr)


if __name__ == '__main__':
    unittest.main()
