"""kill -9 at random moments, also while the server recovers: what was acknowledged is there, once, and nothing else.

DF_KILL_CYCLES=1000 is the long form; DF_SEED repeats a run (its seed is printed).
"""
import os
import random
import time
import unittest

from harness import E2e, Server, Shooter
from ledger import BATCH, Writer


class KillCycles(E2e):
    def restart(self, rng):
        """Sometimes several times, killed before it is ready."""
        while rng.random() < 0.3:
            early = Server(self, data=self.server.data, http=self.server.http, udp=self.server.udp, ready=False)
            time.sleep(rng.uniform(0, 0.15))
            early.kill9()
            self.kills_early += 1
        self.server = Server(self, data=self.server.data, http=self.server.http, udp=self.server.udp)

    def test_nothing_acknowledged_is_lost_or_doubled(self):
        seed = int(os.environ.get('DF_SEED', time.time_ns() % 2**32))
        cycles = int(os.environ.get('DF_KILL_CYCLES', 6))
        print(f'seed {seed}, {cycles} cycles')
        rng = random.Random(seed)
        self.kills_early = 0
        self.server = Server(self)
        keys = self.server.key(self, 'vm-', mcis='load', count=50)
        start_ms = int(time.time() * 1000) - 3_600_000
        writers = [Writer(self, f'w{i}', start_ms) for i in range(2)]
        for writer in writers:
            writer.start()
        shooter = Shooter(self, self.server, 50, '200ms', '24h', keys=keys)
        slowest = 0
        for _ in range(cycles):
            time.sleep(rng.uniform(0.05, 1.5))
            self.server.kill9()
            begin = time.monotonic()
            self.restart(rng)
            slowest = max(slowest, time.monotonic() - begin)
        for writer in writers:
            writer.stop()
        time.sleep(1)
        shooter.process.terminate()
        report = shooter.report()
        self.assertEqual(report['lost'], 0, report)
        acked = sum(writer.check(f'seed {seed}') for writer in writers)
        self.assertGreater(acked, BATCH * cycles)
        print(f'{cycles} kills, {self.kills_early} during recovery, {acked} rows acknowledged by HTTP, '
              f'{report["acked"]} by frames, slowest return {slowest:.2f} s')
        self.server.stop()


if __name__ == '__main__':
    unittest.main()
