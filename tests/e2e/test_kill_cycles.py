"""kill -9 at random moments, also while the server recovers: what was acknowledged is there, once, and nothing else.

DF_KILL_CYCLES=1000 is the long form; DF_SEED repeats a run (its seed is printed).
"""
import http.client
import os
import random
import threading
import time
import unittest

from harness import E2e, Server, Shooter, line_tags

BATCH = 50
WINDOW_MS = 300_000


class Writer(threading.Thread):
    """Posts batches to whichever server is there; each row has a millisecond of its own."""

    def __init__(self, test, vm, start_ms):
        super().__init__(daemon=True)
        self.test, self.vm, self.start_ms = test, vm, start_ms
        self.sent = 0
        self.acked = []  # [begin, end) of row numbers.
        self.stopped = False

    def run(self):
        while not self.stopped:
            begin, self.sent = self.sent, self.sent + BATCH
            lines = '\n'.join(f'mem,{line_tags(vm=self.vm)} used_percent={i} {(self.start_ms + i) * 10**6}'
                              for i in range(begin, begin + BATCH))
            try:
                if self.test.server.request('POST', '/write?db=cbmon', lines.encode(), timeout_s=5).status == 204:
                    self.acked.append((begin, begin + BATCH))
            except (OSError, http.client.HTTPException):
                time.sleep(0.01)  # Nobody knows whether it was taken.


class KillCycles(E2e):
    def restart(self, rng):
        """Sometimes several times, killed before it is ready."""
        while rng.random() < 0.3:
            early = Server(self, data=self.server.data, http=self.server.http, udp=self.server.udp, ready=False)
            time.sleep(rng.uniform(0, 0.15))
            early.kill9()
            self.kills_early += 1
        self.server = Server(self, data=self.server.data, http=self.server.http, udp=self.server.udp)

    def rows(self, vm, begin_ms, end_ms):
        out = {}
        for at in range(begin_ms, end_ms, WINDOW_MS):
            found = self.server.raw_rows('memory', vm=vm, start=f'{at // 1000}.{at % 1000:03}',
                                         end=f'{(at + WINDOW_MS) // 1000}.{at % 1000:03}')
            for rows in found.values():
                for ms, row in rows:
                    self.assertNotIn(ms, out, f'{vm} has {ms} twice')
                    out[ms] = row['mem_utilization']
        return out

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
            writer.stopped = True
            writer.join()
        time.sleep(1)
        shooter.process.terminate()
        report = shooter.report()
        self.assertEqual(report['lost'], 0, report)
        acked = 0
        for writer in writers:
            there = self.rows(writer.vm, start_ms, start_ms + writer.sent)
            for begin, end in writer.acked:
                acked += end - begin
                for i in range(begin, end):
                    self.assertEqual(there.get(start_ms + i), i, f'seed {seed}: row {i} of {writer.vm}')
            for ms, value in there.items():
                self.assertEqual(value, ms - start_ms, f'seed {seed}: a row that was never sent')
            self.assertLessEqual(len(there), writer.sent)
        self.assertGreater(acked, BATCH * cycles)
        print(f'{cycles} kills, {self.kills_early} during recovery, {acked} rows acknowledged by HTTP, '
              f'{report["acked"]} by frames, slowest return {slowest:.2f} s')
        self.server.stop()


if __name__ == '__main__':
    unittest.main()
