"""Power cuts: the file system stops at once and forgets what was not synced (EXT4_IOC_SHUTDOWN, its journal not written).
What was acknowledged is there afterwards, once; the server starts again, also where the cut came right after its first start.

Needs root: mounts a file system of its own. DF_POWER_CUTS=300 is the long form; DF_SEED repeats a run (its seed is printed).
"""
import fcntl
import os
import random
import struct
import time
import unittest

from disk import Disk
from harness import E2e, Server, Shooter
from ledger import BATCH, Writer

IMAGE_BYTES = 1 << 30  # Sparse.
EXT4_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2


class PowerCut(E2e):
    def setUp(self):
        super().setUp()
        self.disk = Disk(self, IMAGE_BYTES, 'lazy_itable_init=1,lazy_journal_init=1')
        self.seed = int(os.environ.get('DF_SEED', time.time_ns() % 2**32))
        self.rng = random.Random(self.seed)
        print(f'seed {self.seed}')
        self.forgotten = 0  # Cuts that took a file with them that nobody had synced.

    def cut(self, writers):
        """Power off, and on again. Without power nothing is acknowledged; here the process lives on for a moment, and a sync that
        was under way may be told success although the journal was dropped: those answers count as unknown."""
        for writer in writers:
            writer.doubtful = True
        unsynced = self.disk.path / 'unsynced'
        unsynced.write_bytes(b'gone')
        folder = os.open(self.disk.path, os.O_RDONLY)
        fcntl.ioctl(folder, EXT4_IOC_SHUTDOWN, struct.pack('I', NO_LOG_FLUSH))
        os.close(folder)
        time.sleep(self.rng.uniform(0, 0.3))
        self.server.kill9()
        for writer in writers:
            writer.doubtful = False
        self.disk.umount()
        mounted = self.disk.mount()
        self.assertEqual(mounted.returncode, 0, mounted.stderr)
        self.forgotten += not (unsynced.exists() and unsynced.read_bytes())

    def check_forgotten(self, cuts):
        """Some are written in time by the server's own syncs; where many cuts took nothing with them they prove nothing."""
        print(f'{self.forgotten} of {cuts} cuts took with them what nobody had synced')
        if cuts >= 20:
            self.assertGreater(self.forgotten, cuts // 4)

    def start(self, **where):
        self.server = Server(self, data=self.disk.path / 'data', **where)

    def test_nothing_acknowledged_is_lost(self):
        cuts = int(os.environ.get('DF_POWER_CUTS', 4))
        self.start()
        where = {'http': self.server.http, 'udp': self.server.udp}
        keys = self.server.key(self, 'vm-', mcis='load', count=20)
        writers = [Writer(self, f'w{i}', int(time.time() * 1000) - 3_600_000) for i in range(2)]
        for writer in writers:
            writer.start()
        shooter = Shooter(self, self.server, 20, '200ms', '24h', keys=keys)
        slowest = 0
        for _ in range(cuts):
            time.sleep(self.rng.uniform(0.1, 2))
            self.cut(writers)
            begin = time.monotonic()
            self.start(**where)
            slowest = max(slowest, time.monotonic() - begin)
        for writer in writers:
            writer.stop()
        time.sleep(1)
        shooter.process.terminate()
        report = shooter.report()
        self.assertEqual(report['lost'], 0, report)
        acked = sum(writer.check(f'seed {self.seed}') for writer in writers)
        self.assertGreater(acked, BATCH * cuts)
        self.check_forgotten(cuts)
        print(f'{cuts} cuts, {acked} rows acknowledged by HTTP, {report["acked"]} by frames, slowest return {slowest:.2f} s')
        self.server.stop()

    def test_right_after_the_first_start(self):
        cuts = max(3, int(os.environ.get('DF_POWER_CUTS', 9)) // 3)
        acked = 0
        for _ in range(cuts):
            self.start()
            writer = Writer(self, 'w', int(time.time() * 1000) - 3_600_000)
            writer.start()
            time.sleep(self.rng.uniform(0, 2))
            where = {'http': self.server.http, 'udp': self.server.udp}
            self.cut([writer])
            self.start(**where)
            writer.stop()
            acked += writer.check(f'seed {self.seed}')
            self.server.stop()
            self.disk.umount()
            self.disk.format()
            mounted = self.disk.mount()
            self.assertEqual(mounted.returncode, 0, mounted.stderr)
        self.check_forgotten(cuts)
        print(f'{cuts} first starts, {acked} rows acknowledged')


if __name__ == '__main__':
    unittest.main()
