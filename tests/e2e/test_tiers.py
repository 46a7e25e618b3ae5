"""Answers over merged hours are those of the rows, from tiers."""
import subprocess
import time
import unittest

from harness import BIN, E2e, Server, line_tags


class Tiers(E2e):
    def answers(self, server, begin, end):
        """{(group, step, statistic): series}, and the tiers that were used."""
        out, tiers = {}, set()
        for group in ('network', 'memory'):
            for step in ('1m', '5m', '1h', '1d'):
                for statistic in ('avg', 'min', 'max', 'last', 'sum', 'count'):
                    answer = server.get_json('/api/v1/query', group=group, start=begin, end=end, step=step,
                                             statistic=statistic, epoch='s')
                    out[group, step, statistic] = answer['series']
                    tiers.add(answer['tier'])
        return out, tiers

    def test_merged_hours_answer_as_rows_do(self):
        server = Server(self)
        now = int(time.time()) // 3600 * 3600
        begin, end = now - 4 * 3600, now
        lines, received = [], 0
        for vm, tick in (('fast', 5), ('slow', 30)):
            for i, at in enumerate(range(begin, end, tick)):
                received = 0 if i % 1000 == 999 else received + i % 977  # A restart now and then.
                if i % 400 < 30:
                    continue  # And a gap.
                lines.append(f'net,{line_tags(vm=vm)} bytes_recv={received}i {at}')
                lines.append(f'mem,{line_tags(vm=vm)} used_percent={i % 97 + i % 7 / 10} {at}')
        for first in range(0, len(lines), 2000):
            server.write('\n'.join(lines[first:first + 2000]), precision='s')
        want, tiers = self.answers(server, begin + 600, end)
        self.assertEqual(tiers, {'raw'})
        self.assertEqual({len(series) for series in want.values()}, {2})
        server.stop()
        subprocess.run([BIN / 'cb-dragonfly', 'merge', '--data-dir', server.data], check=True, timeout=60,
                       stdout=subprocess.DEVNULL)
        server = Server(self, data=server.data)
        got, tiers = self.answers(server, begin + 600, end)
        self.assertIn('1h', tiers)
        self.assertIn('1m', tiers)
        for question, series in want.items():
            self.assertEqual(got[question], series, question)
        metrics = server.metrics()
        for tier in ('raw', '1m', '1h', '1d'):
            self.assertGreater(metrics['dragonfly_store_bytes{tier="%s"}' % tier], 0)
        server.stop()


if __name__ == '__main__':
    unittest.main()
