"""The command line tool against a real server."""
import json
import subprocess
import time
import unittest

from harness import BIN, METRICS, E2e, Server, line_tags


class Cbmon(E2e):
    def run_cbmon(self, *args, server=None):
        where = ['--server', server.url] if server else []
        return subprocess.run([str(BIN / 'cbmon'), *where, *args], capture_output=True, text=True, timeout=30, cwd=self.folder)

    def good(self, *args, server=None):
        done = self.run_cbmon(*args, server=server)
        self.assertEqual(done.returncode, 0, f'{args}: {done.stdout} {done.stderr}')
        return done.stdout

    def with_rows(self):
        server = Server(self)
        start = int(time.time()) - 300
        server.write('\n'.join(f'cpu,{line_tags()} cpu_idle={50 + i % 7},cpu_user={20 + i % 3} {(start + i * 10) * 10**9}'
                               for i in range(30)))
        return server

    def test_without_a_server(self):
        self.assertRegex(self.good('version'), r'\d+\.\d+\.\d+')
        text = self.good('--help')
        for word in ('version', 'metric', 'config', '--server', '--output', '--verbose'):
            self.assertIn(word, text)
        listing = self.good('metric', 'list')
        for name in ('cpu_utilization', 'mem_total', 'kb_written', 'drop_out', 'cpu_speed', 'percent', 'bytes'):
            self.assertIn(name, listing)
        listed = json.loads(self.good('metric', 'list', '--output', 'json'))
        listed = listed if isinstance(listed, list) else next(iter(listed.values()))
        self.assertEqual(len(listed), sum(METRICS.values()))

    def test_completion(self):
        for shell in ('bash', 'zsh', 'fish'):
            script = self.good('completion', shell)
            self.assertIn('cbmon', script)
        bash = self.good('completion', 'bash')
        checked = subprocess.run(['bash', '-n'], input=bash, text=True, capture_output=True)
        self.assertEqual(checked.returncode, 0, checked.stderr)

    def test_metric_get(self):
        server = self.with_rows()
        select = ('--ns', 'ns-1', '--mcis', 'mcis-1', '--vm', 'vm-1')
        table = self.good('metric', 'get', 'cpu', *select, server=server)
        self.assertIn('cpu_idle', table)
        self.assertRegex(table, r'%|percent')
        self.assertRegex(table, '[▁▂▃▄▅▆▇█]')
        data = json.loads(self.good('metric', 'get', 'cpu', *select, '--output', 'json', server=server))
        self.assertIn('cpu_idle', json.dumps(data))

    def test_config_get(self):
        server = Server(self)
        self.assertIn('agent_interval', self.good('config', 'get', server=server))
        config = json.loads(self.good('config', 'get', '--output', 'json', server=server))
        self.assertIn('collector_interval', json.dumps(config))

    def test_what_the_server_knows(self):
        server = self.with_rows()
        self.assertIn('store', self.good('health', server=server))
        self.assertRegex(self.good('mcis', 'list', server=server), r'ns-1 +mcis-1 +1')
        self.assertRegex(self.good('agent', 'list', '--output', 'csv', server=server), r'ns-1,mcis-1,vm-1,')
        self.good('config', 'set', 'max_host_count=5', server=server)
        self.good('config', 'set', 'max_host_count=6', server=server)
        self.assertIn('max_host_count', self.good('config', 'history', server=server))
        self.good('config', 'rollback', '1', server=server)
        self.assertEqual(self.good('config', 'get', 'max_host_count', server=server).strip(), '5')
        history = json.loads(self.good('config', 'history', '--output', 'json', server=server))
        self.assertEqual([entry['version'] for entry in history['history']], [3, 2, 1])
        self.assertEqual(self.run_cbmon('config', 'rollback', '77', server=server).returncode, 1)
        self.assertEqual(self.run_cbmon('mcis').returncode, 2)

    def test_errors_are_clear(self):
        server = self.with_rows()
        for args, words in ((('metric', 'get', 'gpu', '--ns', 'ns-1', '--mcis', 'mcis-1', '--vm', 'vm-1'), ('gpu',)),
                            (('metric', 'get', 'cpu', '--ns', 'ns-1', '--mcis', 'mcis-1', '--vm', 'nobody'), ('nobody',)),
                            (('metric', 'nonsense'), ('nonsense',)), (('config', 'get', '--output', 'xml'), ('xml',))):
            with self.subTest(args=args):
                done = self.run_cbmon(*args, server=server)
                self.assertNotEqual(done.returncode, 0)
                for word in words:
                    self.assertIn(word, done.stderr + done.stdout)
        server.stop()
        gone = self.run_cbmon('config', 'get', server=server)
        self.assertNotEqual(gone.returncode, 0)
        self.assertIn(server.http, gone.stderr)

    def test_verbose_shows_the_request(self):
        server = Server(self)
        done = self.run_cbmon('--verbose', 'config', 'get', server=server)
        self.assertEqual(done.returncode, 0)
        self.assertIn('/dragonfly/config', done.stderr)


if __name__ == '__main__':
    unittest.main()
