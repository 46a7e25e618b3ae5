"""cb-dragonfly config check: says what a start would say, and exits as its help tells."""
import pathlib
import subprocess
import unittest

from harness import BIN, ROOT, E2e, Server

FIXTURES = ROOT / 'tests' / 'fixtures' / 'config'


class ConfigCheck(E2e):
    def check(self, *args):
        return subprocess.run([str(BIN / 'cb-dragonfly'), 'config', 'check', *map(str, args)], capture_output=True, text=True,
                              timeout=30, cwd=self.folder)

    def file(self, text):
        path = pathlib.Path(self.folder, f'config-{self.next_number()}.yaml')
        path.write_text(text)
        return path

    def test_exit_codes(self):
        good, unknown = self.file('monitoring:\n  agent_interval: 3\n'), self.file('monitoring:\n  agent_intervall: 3\n')
        for args, code, words in (
                ((), 0, 'no configuration file'),
                (('--config', ROOT / 'conf' / 'config.yaml', '--strict'), 0, '0 warnings'),
                (('--config', good, '--strict'), 1, 'agent_TTL is 5s but 7500ms is in force'),
                (('--config', good), 0, f'monitoring.agent_interval = 3 ({good})'),
                (('--config', unknown), 0, f"{unknown}:2: 'monitoring.agent_intervall' is not a key of this version and is ignored; "
                                           'did you mean monitoring.agent_interval?'),
                (('--config', unknown, '--strict'), 1, 'did you mean'),
                (('--config', self.file('monitoring:\n  max_host_count: none\n')), 2, "max_host_count = 'none' is not allowed"),
                (('--config', self.file('a: [\n')), 2, 'is not YAML: line'),
                (('--config', pathlib.Path(self.folder, 'nothing.yaml')), 2, 'nothing.yaml'),
                (('--set', 'server.http=0.0.0.0:9090', '--set', 'tls.mode=off'), 2, 'can be reached by others'),
                (('--set', 'api.legacy_listen=127.0.0.1:1'), 2, 'api.legacy_networks'),
                (('--set', 'api.legacy_listen=127.0.0.1:1', '--set', 'api.legacy_networks=here'), 2, 'here'),
                (('--set', 'tls.certificate=/nothing.pem'), 2, 'belong together'),
                (('--set', 'server.htpp=a:1'), 2, 'did you mean server.http?')):
            with self.subTest(args=args):
                done = self.check(*args)
                self.assertEqual(done.returncode, code, done.stdout + done.stderr)
                self.assertIn(words, done.stdout + done.stderr)

    def test_files_of_earlier_servers(self):
        for path in sorted(FIXTURES.glob('*.yaml')):
            with self.subTest(path.name):
                done = self.check('--config', path)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertRegex(done.stdout, rf'warning: {path}:\d+: \S+ is of an earlier version and is ignored: ')
                self.assertNotIn('not-a-secret', done.stdout + done.stderr)

    def test_a_server_starts_with_them(self):
        server = Server(self, args=['--config', FIXTURES / 'mck8s.yaml'])
        config = server.get_json('/dragonfly/config')
        self.assertEqual((config['agent_interval'], config['monitoring_policy'], config['aggregate_type']), (6, 'csp', 'max'))
        self.assertIn('say server.http', server.log.read_text())


if __name__ == '__main__':
    unittest.main()
