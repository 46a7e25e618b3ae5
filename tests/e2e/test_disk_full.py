"""A full disk refuses what is new, serves what is there, and is forgotten within 5 s. On a file system of its own; so it
needs root."""
import errno
import os
import random
import subprocess
import time
import unittest

from disk import Disk
from harness import BIN, E2e, Server, Shooter, line_tags, wait_until

IMAGE_BYTES = 64 << 20
VM = ('ns-1', 'mcis-1', 'by-hand')


class DiskFull(E2e):
    def setUp(self):
        super().setUp()
        self.disk = Disk(self, IMAGE_BYTES).path
        self.time_s = int(time.time()) - 600

    def fill(self):
        """Takes what is left; again and again, for the server may have given something back."""
        with open(self.disk / 'filler', 'ab', buffering=0) as filler:
            for size in (1 << 20, 4096, 512):
                try:
                    while True:
                        filler.write(bytes(size))
                except OSError as error:
                    self.assertEqual(error.errno, errno.ENOSPC)
            os.fsync(filler.fileno())

    def make_space(self):
        os.remove(self.disk / 'filler')

    def try_write(self, server):
        """POST /write of one row with a time of its own."""
        self.time_s += 1
        return server.post('/write?db=cbmon&precision=s', f'mem,{line_tags(*VM)} used_percent=1 {self.time_s}')

    def count_by_hand(self, server):
        return len(server.raw_rows('memory').get(VM, []))

    def fill_until_refused(self, server):
        """The log may still have room in its last block, so it takes a few rows."""
        written = 0
        for _ in range(200):
            self.fill()
            answer = self.try_write(server)
            if answer.status == 507:
                return written, answer
            self.assertEqual(answer.status, 204, answer)
            written += 1
        self.fail('the disk is full, and rows are taken')

    def check_refusal(self, answer):
        self.assertEqual(answer.status, 507, answer)
        self.assertEqual(answer.headers['Content-Type'].partition(';')[0], 'application/json')
        self.assertEqual(answer.headers['Retry-After'], '1')
        self.assertIn('space', answer.json['error'])
        self.assertEqual(answer.json['message'], answer.json['error'])

    def check_recovery(self, server):
        self.make_space()
        wait_until(lambda: self.try_write(server).status == 204, 5, 'POST /write = 204 after space came back')

    def server_with_three_hours(self):
        """A server and what it holds: three hours of rows that are over and not merged yet."""
        server = Server(self, data=self.disk / 'data')
        begin = int(time.time()) // 3600 * 3600 - 3 * 3600
        chance = random.Random(1)  # Nothing that a chunk could make small.

        def values():
            fields = ('total', 'used', 'free', 'cached', 'buffered', 'shared')
            return ','.join(f'{name}={chance.getrandbits(50)}i' for name in fields)
        vms = [('ns-1', 'mcis-1', f'vm-{number}') for number in range(30)]
        for vm in vms:
            server.write('\n'.join(f'mem,{line_tags(*vm)} {values()} {begin + at}' for at in range(0, 3 * 3600, 2)),
                         precision='s')
        rows = server.raw_rows('memory', start=begin)
        self.assertEqual(sum(map(len, rows.values())), len(vms) * 3 * 1800)
        return server, begin, rows

    def rows_of_hours(self, server, begin):
        """Without those by hand, of which the first are ten minutes old: in the first minutes of an hour they lie among them."""
        rows = server.raw_rows('memory', start=begin, end=begin + 3 * 3600)
        rows.pop(VM, None)
        return rows

    def settled(self, server):
        """The metrics once what became durable is stored, too."""
        looks = [server.metrics()]

        def is_settled():
            time.sleep(0.3)
            looks.append(server.metrics())
            return looks[-1]['dragonfly_rows_stored_total'] == looks[-2]['dragonfly_rows_stored_total']
        wait_until(is_settled, what='nothing more is stored')
        return looks[-1]

    def test_rows_are_refused_and_come_again(self):
        server = Server(self, data=self.disk / 'data')
        keys = server.key(self, 'vm-', count=20)
        shooter = Shooter(self, server, 20, '500ms', '20s', keys=keys)
        self.assertEqual(self.try_write(server).status, 204)
        wait_until(lambda: server.metrics()['dragonfly_acks_sent_total'] >= 20, what='acks')
        # Small groups may still fit into the log's last block, beside larger ones that do not: 2 s without one.
        written, refused = 0, 0
        while refused < 10:
            more, answer = self.fill_until_refused(server)
            self.check_refusal(answer)
            written += more
            refused = 1 if more > 0 or refused == 0 else refused + 1
            if refused == 1:
                before = self.settled(server)  # Acks of what became durable may come up to 5 s later.
            time.sleep(0.2)
            self.assertEqual(server.get('/healthcheck').status, 204)
            self.assertEqual(self.count_by_hand(server), 1 + written)
        after = server.metrics()
        self.assertEqual(after['dragonfly_log_refusing'], 1)
        self.assertEqual(after['dragonfly_rows_stored_total'], before['dragonfly_rows_stored_total'])
        self.assertGreater(after['dragonfly_frames_received_total'], before['dragonfly_frames_received_total'] + 20)
        dropped = 'dragonfly_rows_dropped_total{cause="disk_full"}'
        self.assertGreater(after[dropped], before[dropped] + 20)
        self.assertIn('log', server.get('/health').text)
        self.check_identity(server)
        self.check_recovery(server)
        self.assertEqual(server.metrics()['dragonfly_log_refusing'], 0)
        report = shooter.report()
        self.assertEqual(report['lost'], 0, report)
        self.check_identity(server)
        rows = {vm: row for (_, _, vm), row in server.raw_rows('cpu').items()}
        self.assertEqual(len(rows), 20)
        server.stop()
        again = Server(self, data=server.data)
        self.assertEqual(self.count_by_hand(again), 2 + written)
        self.assertEqual({vm: row for (_, _, vm), row in again.raw_rows('cpu').items()}, rows)
        again.stop()

    def test_starts_on_a_full_disk(self):
        server = Server(self, data=self.disk / 'data')
        for _ in range(10):
            self.assertEqual(self.try_write(server).status, 204)
        written, _ = self.fill_until_refused(server)
        for stop in ('kill9', 'stop', 'kill9'):
            with self.subTest(stop=stop):
                getattr(server, stop)()
                self.fill()
                server = Server(self, data=server.data)
                self.assertEqual(self.count_by_hand(server), 10 + written)
                more, answer = self.fill_until_refused(server)
                self.check_refusal(answer)
                written += more
        self.check_recovery(server)
        server.stop()

    def test_a_merge_without_room_loses_nothing(self):
        """Its parts fail one after the other as more room is left; the rows are more than the reserve holds."""
        server, begin, want = self.server_with_three_hours()
        server.kill9()
        codes = []
        for room in (0, 128 << 10, 1 << 20):
            self.fill()
            if room:
                os.truncate(self.disk / 'filler', os.path.getsize(self.disk / 'filler') - room)
            merge = subprocess.run([BIN / 'cb-dragonfly', 'merge', '--data-dir', server.data], capture_output=True,
                                   text=True, timeout=60)
            codes.append(merge.returncode)
            if merge.returncode != 0:
                self.assertRegex(merge.stderr, r'(?i)no space', codes)
        self.assertNotEqual(codes[0], 0, codes)
        self.make_space()
        server = Server(self, data=server.data)
        self.assertEqual(server.raw_rows('memory', start=begin), want)
        server.stop()
        subprocess.run([BIN / 'cb-dragonfly', 'merge', '--data-dir', server.data], check=True, timeout=60,
                       stdout=subprocess.DEVNULL)
        server = Server(self, data=server.data)
        self.assertEqual(server.raw_rows('memory', start=begin), want)
        server.stop()

    def test_a_running_server_merges_when_there_is_room_again(self):
        server, begin, want = self.server_with_three_hours()
        server.stop()
        self.fill()
        server = Server(self, data=server.data, args=['--set', 'store.merge_after=1s'])
        wait_until(lambda: 'hours wait to be merged' in server.log.read_text(), 30, 'a merge that fails')
        self.assertRegex(server.log.read_text(), r'hours wait to be merged: .*[Nn]o space')
        self.assertEqual(server.get('/healthcheck').status, 204)
        self.assertEqual(server.raw_rows('memory', start=begin), want)
        self.assertLess(server.metrics()['dragonfly_store_hours_merged_total'], 3)
        self.check_recovery(server)
        wait_until(lambda: server.metrics()['dragonfly_store_hours_merged_total'] >= 3, 70, 'three hours to be merged')
        self.assertEqual(self.rows_of_hours(server, begin), want)
        server.kill9()
        server = Server(self, data=server.data)
        self.assertEqual(self.rows_of_hours(server, begin), want)
        server.stop()

    def test_a_new_server_says_that_it_has_no_room(self):
        self.fill()
        server = Server(self, data=self.disk / 'data', ready=False)
        self.assertEqual(server.wait_exit(), 1)
        self.assertRegex(server.log.read_text(), r'(?i)no space left')


if __name__ == '__main__':
    unittest.main()
