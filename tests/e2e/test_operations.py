"""What the operator does to the data: check, merge."""
import pathlib
import subprocess
import time
import unittest

from harness import BIN, E2e, Server, Shooter, line_tags


def run(*args, timeout_s=60):
    """(exit code, output and errors) of one command of cb-dragonfly."""
    done = subprocess.run([str(BIN / 'cb-dragonfly'), *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=timeout_s)
    return done.returncode, done.stdout


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


class Operations(E2e):
    groups = ('cpu', 'memory', 'disk', 'network', 'cpufreq')

    def loaded(self, args=(), agents=50):
        """A server that was sent rows by agents, and old ones by lines."""
        server = Server(self, args=args)
        keys = server.key(self, 'vm-', count=agents)
        start = (int(time.time()) - 7200) * 10**9
        server.write('\n'.join(f'mem,{line_tags(vm=f"old-{vm}")} used_percent={i} {start + i * 10**9}'
                               for vm in range(5) for i in range(200)))
        report = Shooter(self, server, agents, '500ms', '3s', keys=keys).report()
        self.assertEqual(report['lost'], 0)
        return server

    def everything(self, server):
        return {group: server.raw_rows(group, start='-6h') for group in self.groups}

    def command(self, *args, want=0):
        code, text = run(*args)
        self.assertEqual(code, want, text)
        return text


class CheckAndMerge(Operations):
    def test_under_a_server_they_are_refused(self):
        server = Server(self)
        for command in ('check', 'merge'):
            text = self.command(command, '--data-dir', server.data, want=1)
            self.assertIn(f'process {server.pid}', text)
            self.assertIn(server.http, text)
        server.stop()
        self.assertFalse(pathlib.Path(server.data, 'listening').exists())
        for command in ('check', 'merge'):
            self.assertIn('no data directory', self.command(command, '--data-dir', '/nowhere/at/all', want=1))

    def test_merge_changes_no_answer(self):
        server = self.loaded()
        before = self.everything(server)
        server.kill9()
        self.assertIn('all is whole', self.command('check', '--data-dir', server.data))
        self.assertRegex(self.command('merge', '--data-dir', server.data), r'merged \d+ hours')
        self.assertEqual(list(pathlib.Path(server.data, 'log').glob('*.seg')), [])
        text = self.command('check', '--data-dir', server.data)
        self.assertIn('all is whole', text)
        again = Server(self, data=server.data)
        self.assertEqual(self.everything(again), before)
        # And it takes rows as before.
        again.write(f'mem,{line_tags(vm="new")} used_percent=5')
        again.kill9()
        third = Server(self, data=server.data)
        self.assertEqual(len(third.raw_rows('memory', vm='new')), 1)
        third.stop()

    def test_a_flipped_bit_is_named_and_costs_no_more_than_its_place(self):
        server = self.loaded()
        before = self.everything(server)
        count = sum(len(rows) for series in before.values() for rows in series.values())
        server.stop()
        self.command('merge', '--data-dir', server.data)
        tables = sorted(pathlib.Path(server.data, 'store').glob('*.sst'), key=lambda path: path.stat().st_size)
        flip(tables[-1], tables[-1].stat().st_size // 2)
        text = self.command('check', '--data-dir', server.data, want=3)
        self.assertIn(tables[-1].name, text)
        again = Server(self, data=server.data)
        after = self.everything(again)
        kept = sum(len(rows) for series in after.values() for rows in series.values())
        self.assertLess(kept, count)
        self.assertGreater(kept, count // 2)
        store = [module for module in again.get_json('/health')['modules'] if module['module'] == 'store'][0]
        self.assertEqual(store['state'], 'degraded')
        self.assertNotEqual(store['message'], '')
        again.stop()


if __name__ == '__main__':
    unittest.main()
