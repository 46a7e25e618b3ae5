"""What was acknowledged, remembered by who wrote it, and held against what a server has: nothing lost, doubled or made up."""
import http.client
import threading
import time

from harness import line_tags

BATCH = 50
WINDOW_MS = 300_000


class Writer(threading.Thread):
    """Posts batches to whichever server `test.server` is; each row has a millisecond of its own."""

    def __init__(self, test, vm, start_ms):
        super().__init__(daemon=True)
        self.test, self.vm, self.start_ms = test, vm, start_ms
        self.sent = 0
        self.acked = []  # [begin, end) of row numbers.
        self.doubtful = False  # What is acknowledged meanwhile counts as unknown.
        self.stopped = False

    def run(self):
        while not self.stopped:
            begin, self.sent = self.sent, self.sent + BATCH
            lines = '\n'.join(f'mem,{line_tags(vm=self.vm)} used_percent={i} {(self.start_ms + i) * 10**6}'
                              for i in range(begin, begin + BATCH))
            try:
                if self.test.server.request('POST', '/write?db=cbmon', lines.encode(), timeout_s=5).status != 204:
                    time.sleep(0.01)
                elif not self.doubtful:
                    self.acked.append((begin, begin + BATCH))
            except (OSError, http.client.HTTPException):
                time.sleep(0.01)  # Nobody knows whether it was taken.

    def stop(self):
        self.stopped = True
        self.join()

    def rows(self):
        """All that the server has, by millisecond."""
        out = {}
        for at in range(self.start_ms, self.start_ms + self.sent, WINDOW_MS):
            found = self.test.server.raw_rows('memory', vm=self.vm, start=f'{at // 1000}.{at % 1000:03}',
                                              end=f'{(at + WINDOW_MS) // 1000}.{at % 1000:03}')
            for rows in found.values():
                for ms, row in rows:
                    self.test.assertNotIn(ms, out, f'{self.vm} has {ms} twice')
                    out[ms] = row['mem_utilization']
        return out

    def check(self, hint):
        """Returns how many rows were acknowledged; all are there, and no other that was not sent."""
        there = self.rows()
        acked = 0
        for begin, end in self.acked:
            acked += end - begin
            for i in range(begin, end):
                self.test.assertEqual(there.get(self.start_ms + i), i, f'{hint}: row {i} of {self.vm}')
        for ms, value in there.items():
            self.test.assertEqual(value, ms - self.start_ms, f'{hint}: a row that was never sent')
        self.test.assertLessEqual(len(there), self.sent)
        return acked
