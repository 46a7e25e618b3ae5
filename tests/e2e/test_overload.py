"""More than the server can take: it sheds by rule, says so, stays small, and recovers; who sends little loses nothing to who
sends much."""
import json
import pathlib
import shutil
import socket
import subprocess
import threading
import time
import unittest

from harness import E2e, Server, Shooter, wait_until

# fdatasync that takes as long as a file says; for a disk that is too slow.
SLOW_SYNC = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int fdatasync(int descriptor) {
  static int (*real)(int);
  if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  const char *path = getenv("DF_SLOW_SYNC_FILE");
  FILE *file = path ? fopen(path, "r") : NULL;
  int ms = 0;
  if (file) {
    if (fscanf(file, "%d", &ms) != 1) ms = 0;
    fclose(file);
  }
  usleep((useconds_t)ms * 1000);
  return real(descriptor);
}
"""


def rss(server):
    return server.metrics()['process_resident_memory_bytes']


class Overload(E2e):
    def receiver_health(self, server):
        module = {m['module']: m for m in server.get_json('/health')['modules']}['receiver']
        return module['state'], module['message']

    def slow_server(self, *args):
        if not shutil.which('cc'):
            self.skipTest('no C compiler')
        folder = pathlib.Path(self.folder)
        (folder / 'slow.c').write_text(SLOW_SYNC)
        subprocess.run(['cc', '-shared', '-fPIC', '-O1', '-o', folder / 'slow.so', folder / 'slow.c', '-ldl'], check=True)
        self.slowness = folder / 'slow-ms'
        self.set_slowness(0)
        return Server(self, args=args, wrap=['env', f'LD_PRELOAD={folder / "slow.so"}', f'DF_SLOW_SYNC_FILE={self.slowness}'])

    def set_slowness(self, ms):
        part = self.slowness.with_suffix('.part')
        part.write_text(str(ms))
        part.rename(self.slowness)

    def test_a_disk_that_is_too_slow_loses_nothing(self):
        """2000 agents offer about 0.9 MB/s; a disk of one group in 2 s and a queue of 1 MiB hold half of it."""
        server = self.slow_server('--set', 'limits.log_queue=1M')
        keys = server.key(self, 'vm-', count=2000)
        before = rss(server)
        shooter = Shooter(self, server, 2000, '1s', '35s', keys=keys, args=['--ramp', '2s'])
        wait_until(lambda: server.metric_sum('dragonfly_rows_stored_total') > 10_000, 20, 'rows')
        self.assertEqual(self.receiver_health(server)[0], 'ok')
        self.set_slowness(2000)
        dropped = 'dragonfly_rows_dropped_total{cause="overload"}'
        wait_until(lambda: server.metrics()[dropped] > 2000, 20, 'rows that are not taken')
        state, text = wait_until(lambda: (lambda h: h if h[0] != 'ok' else None)(self.receiver_health(server)), 5,
                                 'a receiver that says so')
        self.assertEqual(state, 'degraded')
        self.assertRegex(text, r'sheds load: .*\d+ rows were not taken and not acknowledged')
        self.assertLess(rss(server), before + (200 << 20), 'memory stays bounded')
        self.assertEqual(server.get('/healthcheck').status, 204, 'and it answers')
        self.set_slowness(0)
        wait_until(lambda: self.receiver_health(server)[0] == 'ok', 40, 'a receiver that has recovered')
        report = shooter.report(90)
        self.assertEqual((report['lost'], report['acked']), (0, report['sent']))
        self.assertGreater(report['resent'], 0)
        parts = wait_until(lambda: (lambda p: p if p['pending'] == 0 else None)(self.check_identity(server)), 30,
                           'no pending rows')
        self.assertEqual(parts['stored_total'], report['sent'])
        server.stop()

    def test_a_full_head_takes_no_more_and_recovers_by_sealing(self):
        """A burst fills the heads' memory in a second or two; they seal earlier, and what finds no room comes again."""
        server = Server(self, args=['--set', 'limits.head_memory=1M'])
        keys = server.key(self, 'vm-', count=300)
        report = Shooter(self, server, None, '200ms', None, keys=keys, args=['--steps', '300,20,20,20,20', '--hold', '5s']).report()
        self.assertEqual((report['lost'], report['acked']), (0, report['sent']))
        self.assertGreater(server.metric_sum('dragonfly_rows_dropped_total'), 0)
        parts = wait_until(lambda: (lambda p: p if p['pending'] == 0 else None)(self.check_identity(server)), 30,
                           'no pending rows')
        self.assertEqual(parts['stored_total'], report['sent'])
        wait_until(lambda: self.receiver_health(server)[0] == 'ok', 20, 'a receiver that has recovered')
        server.stop()

    def flood(self, server, datagram, stop, sent, pause_s=0.0):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(server.udp_address)
            while not stop.is_set():
                for _ in range(200):
                    try:
                        sender.send(datagram)
                        sent[0] += 1
                    except OSError:
                        pass
                time.sleep(pause_s)

    def test_forgeries_do_not_starve_agents(self):
        server = Server(self, args=['--set', 'ingest.receive_buffer=64M'])
        keys = server.key(self, 'vm-', count=50)
        stop, sent = threading.Event(), [0]
        flood = threading.Thread(target=self.flood, args=(server, bytes([1, 1]) + bytes(300), stop, sent, 0.001))
        flood.start()
        try:
            shooter = Shooter(self, server, 50, '500ms', '10s', keys=keys)
            # Ten of twenty ticks of each agent while it lasts, by the order of the clock alone.
            wait_until(lambda: server.metrics()['dragonfly_rows_stored_total'] >= 50 * 10 * 5, 30, 'rows beside the flood')
            self.assertTrue(shooter.alive())
        finally:
            stop.set()
            flood.join()
        report = shooter.report()
        self.assertGreater(sent[0], 50_000)
        self.assertEqual((report['lost'], report['acked']), (0, report['sent']))
        self.assertEqual(self.check_identity(server)['dropped_total'], 0)
        server.stop()

    def test_a_flood_of_telegraf_does_not_starve_other_senders(self):
        server = Server(self, args=['--set', 'ingest.receive_buffer=64M'])
        metrics = ''.join(json.dumps({'name': 'cpu', 'tags': {'vmId': f'flood-{n}'}, 'fields': {'cpu_idle': 1.5, 'cpu_system': 2.5}})
                          for n in range(300))
        stop, sent = threading.Event(), [0]
        flood = threading.Thread(target=self.flood, args=(server, metrics.encode(), stop, sent))
        flood.start()
        dropped = 'dragonfly_frames_dropped_total{cause="door_full"}'
        try:
            wait_until(lambda: server.metrics()[dropped] > 100, 60, 'a door that is full')
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as polite:
                polite.connect(server.udp_address)
                begin = time.time_ns() // 1_000_000
                for i in range(40):
                    polite.send(json.dumps({'name': 'cpu', 'tags': {'vmId': 'polite'}, 'fields': {'cpu_idle': 1.5},
                                            'timestamp': begin + i}).encode())
                    time.sleep(0.05)
            state, text = self.receiver_health(server)
            self.assertEqual(state, 'degraded')
            self.assertIn('datagrams of dialects were dropped', text)
        finally:
            stop.set()
            flood.join()
        rows = wait_until(lambda: server.raw_rows('cpu', vm='polite').get(('default', 'default', 'polite')), 20, 'polite rows')
        # The kernel's buffer knows no sources: what it loses there is chance.
        lost = server.metrics()['dragonfly_frames_dropped_total{cause="socket_buffer_full"}']
        self.assertGreaterEqual(len(rows), 40 if lost == 0 else 30, f'{lost} datagrams were lost in the kernel')
        server.stop()


if __name__ == '__main__':
    unittest.main()
