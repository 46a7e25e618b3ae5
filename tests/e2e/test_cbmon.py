"""The command line tool against a real server."""
import json
import os
import pathlib
import subprocess
import time
import unittest

from harness import BIN, METRICS, Agent, E2e, Server, line_tags, wait_until


class Cbmon(E2e):
    def run_cbmon(self, *args, server=None, env=None):
        where = ['--server', server.url] if server else []
        return subprocess.run([str(BIN / 'cbmon'), *where, *args], capture_output=True, text=True, timeout=30, cwd=self.folder,
                              env={**os.environ, 'HOME': self.folder, **(env or {})})

    def good(self, *args, server=None, env=None):
        done = self.run_cbmon(*args, server=server, env=env)
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

    def with_group(self):
        server = Server(self)
        now = int(time.time())
        server.write('\n'.join(f'cpu,{line_tags(vm=f"vm-{i}")},cspType={"aws" if i < 3 else "azure"} cpu_user={10 * i} {now * 10**9}'
                               for i in range(1, 6)))
        return server

    def test_a_whole_mcis(self):
        server = self.with_group()
        table = self.good('metric', 'get', 'cpu_user', '--group', server=server)
        self.assertRegex(table, r'cpu_user +5 +150 % +30 % +10 % +50 % +\S+ % +vm-5 50 %, vm-4 40 %, vm-3 30 %')
        by_csp = self.good('metric', 'get', 'cpu_user', '--group', '--by', 'csp', '--output', 'csv', server=server)
        self.assertIn('cpu_user,aws,2,30,15,10,20,', by_csp)
        self.assertIn('cpu_user,azure,3,120,40,30,50,', by_csp)
        answer = json.loads(self.good('metric', 'get', 'cpu', '--group', '--top', '1', '--output', 'json', server=server))
        self.assertEqual(answer['groups'][0]['top']['cpu_user'], [{'vmId': 'vm-5', 'value': 50}])
        self.assertEqual(len(self.good('mcis', 'get', 'mcis-1', '--output', 'csv', server=server).splitlines()), 6)
        self.assertRegex(self.good('mcis', 'get', server=server), r'vm-4 +alive +azure')
        self.assertIn('healthy', self.good('agent', 'get', 'vm-4', server=server))

    def test_watch(self):
        server = self.with_group()
        answers = self.good('mcis', 'list', '--watch', '200ms', '--times', '3', '--output', 'json', server=server)
        self.assertEqual([json.loads(line)['mcis'][0]['vms'] for line in answers.splitlines()], [5, 5, 5])
        csv = self.good('metric', 'get', 'cpu_user', '--group', '--watch', '200ms', '--times', '2', '--output', 'csv', server=server)
        self.assertEqual(len(csv.splitlines()), 3, 'titles come once')
        endless = subprocess.Popen([str(BIN / 'cbmon'), '--server', server.url, 'health', '--watch', '200ms'],
                                   stdout=subprocess.PIPE, text=True)
        self.addCleanup(endless.kill)
        self.assertIn('MODULE', endless.stdout.readline())
        endless.terminate()
        self.assertEqual(endless.wait(10), 0)
        endless.stdout.close()
        for wrong in (('--watch', '5'), ('--watch', '2h'), ('--times', '3')):
            self.assertEqual(self.run_cbmon('health', *wrong, server=server).returncode, 2, wrong)

    def test_collected_now(self):
        server = Server(self)
        Agent(self, server, server.key(self))
        wait_until(lambda: server.raw_rows('cpu'), what='rows of the agent')
        values = self.good('metric', 'get', 'memory', '--on-demand', '--output', 'csv', server=server)
        self.assertRegex(values, r'mem_total,\d+,bytes')
        self.assertIn('collected', self.good('metric', 'get', '--on-demand', server=server))
        unknown = self.run_cbmon('metric', 'get', '--on-demand', '--vm', 'nobody', server=server)
        self.assertEqual(unknown.returncode, 1)

    def test_backups(self):
        server = self.with_rows()
        done = self.run_cbmon('backup', 'new', '--name', 'first', server=server)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((server.data / 'backups' / 'first' / 'store').is_dir())
        self.assertRegex(self.good('backup', 'list', server=server), r'first +done')
        self.assertEqual(self.run_cbmon('backup', 'new', '--name', 'first', server=server).returncode, 1)
        self.assertEqual(json.loads(self.good('backup', 'new', '--output', 'json', server=server))['state'], 'done')

    def test_every_command_in_every_form(self):
        server = self.with_group()
        self.good('config', 'set', 'max_host_count=5', server=server)
        commands = (('version',), ('health',), ('audit',), ('metric', 'list'), ('metric', 'get', '--vm', 'vm-1'),
                    ('metric', 'get', '--group'), ('config', 'get'), ('config', 'get', 'agent_interval'),
                    ('config', 'set', 'max_host_count=6'), ('config', 'history'), ('config', 'rollback', '1'), ('config', 'reset'),
                    ('mcis', 'list'), ('mcis', 'get'), ('agent', 'list'), ('agent', 'get', 'vm-1'), ('collector', 'list'),
                    ('token', 'new', '--name', 'x'), ('token', 'list'), ('backup', 'new'), ('backup', 'list'), ('top',))
        for command in commands:
            with self.subTest(command=command):
                json.loads(self.good(*command, '--output', 'json', server=server))
                if command == ('backup', 'new'):
                    command = ('backup', 'new', '--name', 'second')
                rows = self.good(*command, '--output', 'csv', server=server).splitlines()
                self.assertGreaterEqual(len(rows), 2, 'titles and a row')
                self.assertEqual(rows[0], rows[0].lower())
                self.assertNotIn('\x1b', ''.join(rows))

    def test_file_environment_option(self):
        server = self.with_group()
        folder = pathlib.Path(self.folder, '.config', 'cbmon')
        folder.mkdir(parents=True)
        (folder / 'config.yaml').write_text(f'server: {server.url}\noutput: csv\n')
        self.assertTrue(self.good('mcis', 'list').startswith('ns,mcis,vms'))
        self.assertTrue(self.good('mcis', 'list', '--output', 'json').startswith('{'))
        gone = self.run_cbmon('mcis', 'list', env={'CBMON_SERVER': 'http://127.0.0.1:1'})
        self.assertEqual(gone.returncode, 3)
        self.assertIn('127.0.0.1:1', gone.stderr)
        self.good('mcis', 'list', env={'CBMON_SERVER': 'http://127.0.0.1:1'}, server=server)
        other = pathlib.Path(self.folder, 'other.yaml')
        other.write_text('output: xml\n')
        wrong = self.run_cbmon('mcis', 'list', env={'CBMON_CONFIG': str(other)})
        self.assertEqual(wrong.returncode, 2)
        self.assertIn('table, json, csv', wrong.stderr)
        self.assertEqual(self.run_cbmon('version', env={'CBMON_CONFIG': str(other) + 'x'}).returncode, 2)

    def test_the_manual_has_every_command_and_option(self):
        manual = pathlib.Path(__file__).resolve().parents[2].joinpath('docs', 'man', 'cbmon.1').read_text().replace('\\-', '-').replace('\\fR', '')
        manual = manual.replace('\\fB', '').replace('\\fI', '')
        script = self.good('completion', 'bash')
        commands = set()
        for line in script.splitlines():
            line = line.strip()
            if not line.startswith('(" '):
                continue
            command, _, rest = line[3:].partition('")')
            if 'choices="' not in rest or '=' not in rest:
                continue
            commands.add(command)
            self.assertIn(command, manual, 'a command without a line in the manual')
            for word in rest.split('"')[1].split():
                if word.startswith('--') and word != '--help':
                    self.assertIn(word, manual, f'{command} {word}')
        self.assertLessEqual({'top', 'metric get', 'backup new', 'agent get', 'config rollback'}, commands)

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
