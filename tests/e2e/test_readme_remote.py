"""The README's way from a clone to a second machine, word for word: a token-protected server under TLS, an agent on another
host (each in a network namespace of its own), and `cbmon top`."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import unittest

from harness import BIN, ROOT, E2e, wait_until
from test_top import ENTER, Screen

SERVER_ADDRESS, AGENT_ADDRESS = '10.77.31.1', '10.77.31.2'


class SecondMachine(E2e):
    def setUp(self):
        super().setUp()
        if os.geteuid() != 0 or not shutil.which('ip'):
            self.skipTest('needs root and ip: makes network namespaces')
        readme = (ROOT / 'README.md').read_text()
        self.blocks = dict(re.findall(r'```sh (server|agent|watch|live)\n(.*?)```', readme, re.S))
        self.assertEqual(list(self.blocks), ['server', 'agent', 'watch', 'live'])
        self.assertIn('```sh\nmake\n```', readme)
        self.assertTrue(BIN.name == 'bin' and BIN.is_dir(), 'what make leaves')
        name = f'df{os.getpid() % 100000}'
        self.here, self.there = name + 's', name + 'a'
        for namespace in (self.here, self.there):
            self.ip('netns', 'add', namespace)
            self.addCleanup(subprocess.run, ['ip', 'netns', 'del', namespace], capture_output=True)
        self.ip('link', 'add', 'eth0', 'netns', self.here, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', self.there)
        for namespace, address in ((self.here, SERVER_ADDRESS), (self.there, AGENT_ADDRESS)):
            self.ip('-n', namespace, 'addr', 'add', f'{address}/24', 'dev', 'eth0')
            self.ip('-n', namespace, 'link', 'set', 'eth0', 'up')
            self.ip('-n', namespace, 'link', 'set', 'lo', 'up')
        # The clone, and what was copied to the other machine.
        self.clone, self.other = pathlib.Path(self.folder, 'clone'), pathlib.Path(self.folder, 'other')
        (self.clone / 'build').mkdir(parents=True)
        (self.clone / 'build' / 'bin').symlink_to(BIN)
        self.other.mkdir()
        self.shells = []

    def ip(self, *args):
        subprocess.run(['ip', *args], check=True, timeout=20)

    def type(self, namespace, folder, block):
        """What a person types, in a shell of that machine; returns what is on the screen."""
        log = pathlib.Path(self.folder, f'shell-{self.next_number()}.log')
        env = {**os.environ, 'HOME': str(folder), 'ADDRESS': SERVER_ADDRESS}
        with open(log, 'wb') as out:
            shell = subprocess.Popen(['ip', 'netns', 'exec', namespace, 'bash', '-euo', 'pipefail', '-c', self.blocks[block]],
                                     cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                     start_new_session=True)
        self.shells.append(shell.pid)
        self.addCleanup(self.end_session, shell.pid)
        code = shell.wait(90)
        text = log.read_text(errors='replace')
        self.assertEqual(code, 0, f'{self.blocks[block]}\n{text}')
        return text

    def end_session(self, leader):
        """Also of what was started with & and outlives its shell."""
        for process in pathlib.Path('/proc').glob('[0-9]*'):
            try:
                session = int((process / 'stat').read_text().rpartition(')')[2].split()[3])
                if session == leader:
                    os.kill(int(process.name), signal.SIGKILL)
            except (OSError, IndexError):
                continue

    def test_as_the_readme_says(self):
        started = self.type(self.here, self.clone, 'server')
        self.assertIn('clients trust', started)
        self.assertEqual((self.clone / 'admin.token').stat().st_mode & 0o077, 0)
        for name in ('build/bin/cb-agent', 'web-1.key'):
            shutil.copy(self.clone / name, self.other)
        self.type(self.there, self.other, 'agent')
        cbmon = lambda *args: subprocess.run(
            ['ip', 'netns', 'exec', self.here, str(BIN / 'cbmon'), '--server', f'https://{SERVER_ADDRESS}:9090', '--cacert',
             str(self.clone / 'data' / 'tls' / 'ca.crt'), *args], capture_output=True, text=True, timeout=30)
        token = '@' + str(self.clone / 'admin.token')
        wait_until(lambda: 'web-1' in cbmon('--token', token, 'agent', 'list').stdout, 30, 'the agent')
        refused = cbmon('agent', 'list')
        self.assertEqual(refused.returncode, 1, 'without a token nobody is answered')
        self.assertIn('401', refused.stderr)
        shown = self.type(self.here, self.clone, 'watch')
        for words in ('healthy', 'shop / web', 'cpu_utilization', '"vm":"web-1"'):
            self.assertIn(words, shown)
        command = self.blocks['live'].split()
        self.assertEqual(command[0], 'build/bin/cbmon')
        screen = Screen(self, *command[1:], wrap=['ip', 'netns', 'exec', self.here], env={'HOME': str(self.clone)})
        screen.wait_for('shop/web/web-1')
        screen.wait_for('by mem_utilization')
        wait_until(lambda: re.search(r'web-1 +alive .* \d+(\.\d+)? %', screen.frame()[3]), what='its value')
        screen.press('q')
        self.assertEqual(screen.end(), 0)
        self.assertIn(ENTER, screen.text)


if __name__ == '__main__':
    unittest.main()
