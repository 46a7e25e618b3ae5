"""Damage at a random place of every kind of file: a flipped bit, a torn end, a page of zeros. `check` finds it; the server
starts, says so, and serves what is not damaged; nothing else changes.

DF_DAMAGES=10000 is the long form; DF_SEED repeats a run (its seed is printed).
"""
import collections
import os
import pathlib
import random
import shutil
import time
import unittest

from harness import Server, Shooter, line_tags
from test_operations import Operations, run

PAGE = 4096
# Files of the data directory, and whether their damage is found by their own checksums. RocksDB keeps no checksums of its
# pointer and its options; where these cannot be read the store is opened all the same.
KINDS = {'log/*.seg': True, 'store/*.sst': True, 'store/MANIFEST-*': False, 'store/CURRENT': False,
         'store/OPTIONS-*': False, 'registry/agents': True, 'policy': True, 'policy.history': True, 'audit/log': True}
GAUGES = ('cpu_idle', 'cpu_utilization', 'mem_used', 'mem_utilization', 'disk_used', 'disk_utilization', 'cpu_speed')
LISTS = ('registry/agents', 'policy.history', 'audit/log', 'log/*.seg')
HOLDS_ROWS = ('log/*.seg', 'store/*.sst')


def flip(data, rng):
    """One bit."""
    at = rng.randrange(len(data))
    data[at] ^= 1 << rng.randrange(8)
    return f'bit of byte {at} flipped'


def cut(data, rng):
    at = rng.randrange(len(data))
    del data[at:]
    return f'cut to {at} bytes'


def zero(data, rng):
    at = rng.randrange(len(data)) // PAGE * PAGE
    end = min(len(data), at + PAGE)
    if not any(data[at:end]):
        return flip(data, rng)
    data[at:end] = bytes(end - at)
    return f'bytes {at} to {end} zeroed'


class Damage(Operations):
    def prepare(self):
        """Rows in merged chunks, in fresh ones, and in the log."""
        server = Server(self)
        start = int(time.time()) - 7200
        for begin in range(0, 3600, 600):
            server.write('\n'.join(f'mem,{line_tags(vm=f"old-{vm}")} used_percent={(vm * 7 + i * i) % 9973 / 100} {start + i}'
                                   for vm in range(20) for i in range(begin, begin + 600)), precision='s')
        for hosts in (5, 6):
            server.request('PUT', '/dragonfly/config', f'{{"max_host_count":{hosts}}}',
                           {'Content-Type': 'application/json'})
        server.stop()
        self.command('merge', '--data-dir', server.data)
        server = Server(self, data=server.data)
        keys = server.key(self, 'vm-', count=30)
        server.write('\n'.join(f'mem,{line_tags(vm=f"new-{vm}")} used_percent={vm} {start + i}'
                               for vm in range(20) for i in range(3600, 3700)), precision='s')
        server.stop()  # Seals.
        server = Server(self, data=server.data)
        report = Shooter(self, server, 30, '200ms', '3s', keys=keys).report()
        self.assertEqual(report['lost'], 0)
        server.kill9()
        return server.data

    def damage(self, data, kind, rng):
        victim = rng.choice([path for path in sorted(data.glob(kind)) if path.stat().st_size > 0])
        content = bytearray(victim.read_bytes())
        done = rng.choice((flip, flip, cut, zero))
        text = f'{victim.relative_to(data)} of {len(content)} bytes: {done(content, rng)}'
        victim.write_bytes(content)
        return done, text

    def served(self, data):
        """What a server has of these data, and what it says of itself."""
        server = Server(self, data=data)
        # Without counters: a rate is over the time since the row before, which may be gone.
        rows = {(group, vm, ms): {name: value for name, value in row.items() if name in GAUGES}
                for group, vms in self.everything(server, whole=False).items()
                for vm, found in vms.items() for ms, row in found}
        health = server.get('/health')
        server.write(f'mem,{line_tags(vm="after")} used_percent=5')
        self.assertEqual(len(server.raw_rows('memory', False, vm='after')), 1)
        server.stop()
        return rows, health.json

    def test_it_costs_what_is_damaged_and_is_told(self):
        seed = int(os.environ.get('DF_SEED', time.time_ns() % 2**32))
        rounds = int(os.environ.get('DF_DAMAGES', 9))
        print(f'seed {seed}, {rounds} damages')
        rng = random.Random(seed)
        good = self.prepare()
        trial = pathlib.Path(self.folder, 'trial')
        shutil.copytree(good, trial)
        before, health = self.served(trial)
        self.assertEqual({module['state'] for module in health['modules']}, {'ok'}, health)
        worst = collections.Counter()
        for number in range(rounds):
            kind = list(KINDS)[number % len(KINDS)]
            shutil.rmtree(trial)
            shutil.copytree(good, trial)
            done, text = self.damage(trial, kind, rng)
            what = f'seed {seed}, damage {number}: {text}'
            with self.subTest(what):
                code, text = run('check', '--data-dir', trial)
                # A list of lines that ends with a line is whole, as far as anybody can tell.
                if KINDS[kind] and not (done is cut and kind in LISTS):
                    self.assertEqual(code, 3, f'{what}\n{text}')
                after, health = self.served(trial)
                for key, row in after.items():
                    self.assertEqual(before.get(key), row, what)
                lost = len(before) - len(after)
                worst[kind] = max(worst[kind], lost)
                if kind not in HOLDS_ROWS:
                    self.assertEqual(lost, 0, what)
                elif lost > 0 and not (done is cut and kind in LISTS):
                    self.assertIn('degraded', {module['state'] for module in health['modules']}, what)
        print(f'of {len(before)} rows at most lost:', dict(worst))


if __name__ == '__main__':
    unittest.main()
