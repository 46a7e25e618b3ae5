"""What the operator does to the data: check, merge, backup, restore."""
import json
import os
import pathlib
import subprocess
import time
import unittest

from harness import BIN, E2e, Server, Shooter, line_tags, wait_until


def run(*args, timeout_s=60, env=None):
    """(exit code, output and errors) of one command of cb-dragonfly."""
    done = subprocess.run([str(BIN / 'cb-dragonfly'), *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=timeout_s, env={**os.environ, **(env or {})})
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

    def everything(self, server, whole=True):
        return {group: server.raw_rows(group, whole, start='-6h') for group in self.groups}

    def command(self, *args, want=0):
        code, text = run(*args)
        self.assertEqual(code, want, text)
        return text


class CheckOfTheRest(Operations):
    """Certificates, tokens, policy and audit log: checked, in backups, and back with them."""

    def guarded(self):
        server = Server(self, args=['--set', 'tls.mode=on', '--set', 'api.access=on'], tls=True)
        server.token = server.wait_line(r'(cbd_\S+)')[1]
        for body in ({'max_host_count': 5}, {'max_host_count': 6}):
            answer = server.request('PUT', '/dragonfly/config', json.dumps(body), {'Content-Type': 'application/json'})
            self.assertEqual(answer.status, 200, answer)
        return server

    def test_says_what_is_damaged(self):
        server = self.guarded()
        server.stop()
        text = self.command('check', '--data-dir', server.data)
        for line in ('tokens    1 tokens', 'audit     2 entries', 'policy    version 2, 2 earlier ones', 'tls       '):
            self.assertIn(line, text)
        for path, at, words in (('secrets/tokens', -5, 'secrets/tokens: 1 lines'), ('audit/log', 10, 'audit/log: line 2'),
                                ('policy.history', 5, 'policy.history: 1 lines'), ('policy', -2, 'policy'),
                                ('tls/server.crt', 60, 'tls/server.crt'), ('tls/ca.key', 60, 'tls/ca')):
            with self.subTest(path):
                victim = pathlib.Path(server.data, path)
                good = victim.read_bytes()
                if path == 'policy':
                    victim.write_bytes(good.replace(b'=6', b'=x'))
                else:
                    flip(victim, at)
                self.assertIn(words, self.command('check', '--data-dir', server.data, want=3))
                victim.write_bytes(good)
        self.assertIn('all is whole', self.command('check', '--data-dir', server.data))

    def test_a_backup_has_them(self):
        server = self.guarded()
        backup, data = pathlib.Path(self.folder, 'backup'), pathlib.Path(self.folder, 'restored')
        code, text = run('backup', '--data-dir', server.data, '--to', backup, env={'CBMON_TOKEN': server.token})
        self.assertEqual(code, 0, text)
        authority = server.authority.read_bytes()
        server.stop()
        self.assertIn('audit     ', self.command('check', '--data-dir', backup))
        self.command('restore', '--from', backup, '--data-dir', data)
        again = Server(self, data=data, args=['--set', 'tls.mode=on', '--set', 'api.access=on'], tls=True)
        again.token = server.token
        self.assertEqual(again.authority.read_bytes(), authority, 'clients go on trusting it')
        self.assertEqual(again.get_json('/dragonfly/config')['max_host_count'], 6)
        self.assertEqual([entry['version'] for entry in again.get_json('/dragonfly/config/history')['history']], [2, 1])
        self.assertIn('config set', [entry['what'] for entry in again.get_json('/api/v1/audit')['entries']])
        self.assertEqual(again.get_json('/api/v1/session')['role'], 'admin')

    def test_new_keys_are_in_the_audit_log(self):
        server = self.guarded()
        server.key(self, vm='vm-1')
        server.key(self, vm='vm-', count=3)
        entries = [entry for entry in server.get_json('/api/v1/audit')['entries'] if entry['what'] == 'agent-key new']
        self.assertEqual([json.loads(entry['after']) for entry in entries],
                         [{'ns': 'ns-1', 'mcis': 'mcis-1', 'keys': 3, 'vm': 'vm-1', 'last_vm': 'vm-3'},
                          {'ns': 'ns-1', 'mcis': 'mcis-1', 'keys': 1, 'vm': 'vm-1'}])
        self.assertEqual({entry['from'] for entry in entries}, {'command line'})


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
        Server(self, data=server.data).stop()  # Removes files that the merge has replaced and were still there.
        for table in pathlib.Path(server.data, 'store').glob('*.sst'):
            flip(table, table.stat().st_size // 2)
            text = self.command('check', '--data-dir', server.data, want=3)
            self.assertIn(table.name, text)
            if f'{table.name} (raw/' in text:
                break
            flip(table, table.stat().st_size // 2)  # Rollups: the rows themselves are not missed.
        again = Server(self, data=server.data)
        after = self.everything(again, whole=False)
        kept = sum(len(rows) for series in after.values() for rows in series.values())
        self.assertLess(kept, count)
        self.assertGreater(kept, count // 2)
        store = [module for module in again.get_json('/health')['modules'] if module['module'] == 'store'][0]
        self.assertEqual(store['state'], 'degraded')
        self.assertNotEqual(store['message'], '')
        again.stop()


class BackupAndRestore(Operations):
    def restored(self, backup):
        """A data directory made from the backup."""
        data = pathlib.Path(self.folder, f'restored-{self.next_number()}')
        self.command('restore', '--from', backup, '--data-dir', data)
        self.assertIn('all is whole', self.command('check', '--data-dir', data))
        return data

    def check_holds(self, server, before):
        """Every row of `before` is in the server's answers, as it was."""
        for group, series in before.items():
            now = server.raw_rows(group, start='-6h')
            for vm, rows in series.items():
                there = dict(now.get(vm, []))
                for at, row in rows:
                    self.assertEqual(there.get(at), row, (group, vm, at))

    def test_under_load_every_acknowledged_row_is_in_it(self):
        server = self.loaded(agents=20)
        keys = server.key(self, 'load-', count=100)
        shooter = Shooter(self, server, 100, '200ms', '6s', args=['--prefix', 'load-'], keys=keys)
        wait_until(lambda: server.metric_sum('dragonfly_vms') >= 100, what='the load')
        backups = []
        for number in range(2):
            now = int(time.time())
            server.write(f'mem,{line_tags(vm="mark")} used_percent={number} {now * 10**9 + number * 10**6}')
            before = self.everything(server)
            backup = pathlib.Path(self.folder, f'backup-{number}')
            self.assertIn('backup of', self.command('backup', '--data-dir', server.data, '--to', backup))
            backups.append((backup, before))
        self.assertGreater(server.metrics()['dragonfly_backups_made_total'], 1)
        self.assertTrue(shooter.alive())
        self.assertEqual(shooter.report()['lost'], 0)
        self.assertEqual(list(pathlib.Path(server.data, 'backups').iterdir()), [])  # They were moved.
        server.kill9()
        for backup, before in backups:
            again = Server(self, data=self.restored(backup))
            self.check_holds(again, before)
            self.assertEqual(again.metrics()['dragonfly_agents_enrolled'], 120)
            again.stop()

    def test_without_a_server_and_what_is_refused(self):
        server = self.loaded(agents=10)
        before = self.everything(server)
        server.kill9()
        self.command('merge', '--data-dir', server.data)
        backup = pathlib.Path(self.folder, 'backup')
        self.command('backup', '--data-dir', server.data, '--to', backup)
        self.assertFalse((backup / 'LOCK').exists())
        self.assertIn('not empty', self.command('backup', '--data-dir', server.data, '--to', backup, want=1))
        self.assertIn('not empty', self.command('restore', '--from', backup, '--data-dir', server.data, want=1))
        self.assertIn('not a backup', self.command('restore', '--from', server.data, '--data-dir', 'x', want=1))
        again = Server(self, data=self.restored(backup))
        self.assertEqual(self.everything(again), before)
        again.stop()
        self.assertIn('all is whole', self.command('check', '--data-dir', backup))
        # Damaged: named, and nothing is left where it would have gone.
        victim = sorted((backup / 'store').glob('*.sst'))[0]
        victim.chmod(0o600)
        copy = victim.read_bytes()
        victim.unlink()  # It may be a link to the living file.
        victim.write_bytes(copy)
        flip(victim, len(copy) // 3)
        self.assertIn(victim.name, self.command('check', '--data-dir', backup, want=3))
        target = pathlib.Path(self.folder, 'damaged')
        self.assertIn(victim.name, self.command('restore', '--from', backup, '--data-dir', target, want=3))
        self.assertFalse(target.exists() or pathlib.Path(f'{target}.part').exists())

    def test_by_the_api_names_lead_nowhere_else(self):
        server = Server(self)
        server.write(f'mem,{line_tags()} used_percent=1')
        for name in ('..', '../x', '/tmp/x', 'a/b', '.hidden', '-x', 'x.part', 'a%00b', 'x' * 65, 'a%20b'):
            self.assertEqual(server.post(f'/api/v1/backup?name={name}', '').status, 400, name)
        self.assertEqual(server.get_json('/api/v1/backup')['backups'], [])
        self.assertEqual(server.post('/api/v1/backup?name=nightly', '').status, 202)
        done = wait_until(lambda: [s for s in [server.get_json('/api/v1/backup')] if s['state'] != 'running'], what='an end')
        self.assertEqual((done[0]['state'], done[0]['backups']), ('done', ['nightly']), done)
        self.assertEqual(server.post('/api/v1/backup?name=nightly', '').status, 409)
        self.assertEqual(done[0]['bytes_done'], done[0]['bytes_total'])
        server.stop()
        again = Server(self, data=self.restored(pathlib.Path(server.data, 'backups', 'nightly')))
        self.assertEqual(len(again.raw_rows('memory')), 1)
        again.stop()


if __name__ == '__main__':
    unittest.main()
