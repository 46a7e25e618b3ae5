"""udp-shooter against a real server: every format, steps, providers, loss and delay, and the server's own interval."""
import json
import math
import os
import re
import subprocess

from harness import BIN, METRICS, ROOT, E2e, Process, Server, wait_until


class Shot(Process):
    def __init__(self, test, target, *args):
        self.report_path = f'{test.folder}/report-{test.next_number()}.json'
        super().__init__(test, 'udp-shooter', ['--target', target, '--report', self.report_path, *args])

    def report(self, timeout_s=90):
        code = self.wait_exit(timeout_s)
        if code != 0:
            raise self.trouble(f'exit code {code}')
        with open(self.report_path) as report:
            return json.load(report)


class ShooterFormats(E2e):
    def rows(self, server, group):
        return {vm: rows for (_, _, vm), rows in server.raw_rows(group).items()}

    def check_stored(self, server, rows):
        """Rows that came late wait for the next merge before they are counted."""
        wait_until(lambda: self.check_identity(server)['pending'] == 0, 30, 'no pending rows')
        self.assertEqual(self.check_identity(server)['stored_total'], rows)

    def check_values(self, server, agents, ticks):
        """All 52 metrics of all VMs at all ticks; a counter's first row has no rate."""
        for group, fields in METRICS.items():
            by_vm = wait_until(lambda: (lambda rows: rows if len(rows) == agents and
                                        all(len(r) == ticks for r in rows.values()) else None)(self.rows(server, group)),
                               20, f'{ticks} {group} rows of {agents} VMs')
            for vm, rows in by_vm.items():
                present = {name for _, row in rows for name, value in row.items() if value is not None}
                self.assertEqual(len(present), fields, f'{group} of {vm}: {sorted(present)}')

    def test_every_format_brings_all_metrics(self):
        for name in ('native', 'sealed', 'telegraf', 'influx'):
            with self.subTest(name):
                server = Server(self)
                args = ['--format', name, '--interval', '500ms', '--duration', '3s', '--server-pid', server.pid]
                args += ['--keys', server.key(self, 'vm-', count=5)] if name == 'sealed' else ['--agents', 5]
                report = Shot(self, server.http if name == 'influx' else server.udp, *args).report()
                self.assertEqual((report['format'], report['agents'], report['sent']), (name, 5, 5 * 6 * 5))
                acked = None if name == 'telegraf' else report['sent']
                self.assertEqual((report['acked'], report['lost']), (acked, None if acked is None else 0))
                self.assertGreaterEqual(report['server']['cpu_s'], 0)  # In ticks of 10 ms: may be none.
                self.assertGreater(report['server']['rss_bytes'], 1 << 20)
                if acked:
                    self.assertGreater(report['ack_p99_ms'], 0)
                self.check_values(server, 5, 6)
                self.check_stored(server, report['sent'])
                server.stop()

    def test_loss_and_delay_cost_no_row(self):
        server = Server(self)
        keys = server.key(self, 'vm-', count=40)
        report = Shot(self, server.udp, '--keys', keys, '--interval', '250ms', '--duration', '8s', '--loss', '5%', '--delay',
                      '20ms').report()
        self.assertEqual(report['sent'], 40 * 32 * 5)
        self.assertEqual((report['lost'], report['acked']), (0, report['sent']))
        self.assertGreater(report['datagrams_dropped'], report['frames_sent'] * 0.02)
        self.assertGreater(report['resent'], 0)
        self.assertGreaterEqual(report['ack_p50_ms'], 40)
        self.check_stored(server, report['sent'])
        server.stop()

    def test_providers_are_known(self):
        server = Server(self)
        Shot(self, server.udp, '--agents', 16, '--interval', '500ms', '--duration', '1s', '--csp-mix',
             'aws=5,azure/westeurope=3').report()
        vms = server.get_json('/api/v1/vms', limit=100)['vms']
        count = {}
        for vm in vms:
            count[vm['csp'], vm['region']] = count.get((vm['csp'], vm['region']), 0) + 1
        self.assertEqual({csp: n for (csp, _), n in count.items()}, {'aws': 10, 'azure': 6})
        self.assertEqual(count.get(('azure', 'westeurope')), 6)
        server.stop()

    def test_follows_the_servers_interval_unless_it_has_its_own(self):
        server = Server(self, args=['--set', 'monitoring.agent_interval=0.5'])
        report = Shot(self, server.udp, '--agents', 20, '--duration', '6s').report()
        self.assertEqual((report['interval_s'], report['lost']), (0.5, 0))
        for rows in self.rows(server, 'cpufreq').values():
            times = [time for time, _ in rows]
            self.assertEqual(len(times), len(set(times)))
            self.assertEqual({b - a for a, b in zip(times[2:], times[3:])}, {500})
        own = Shot(self, server.udp, '--agents', 2, '--prefix', 'own-', '--interval', '1s', '--duration', '2s').report()
        self.assertEqual(own['interval_s'], 1)
        server.stop()


class Demo(E2e):
    def demo(self, *args):
        return subprocess.run([str(ROOT / 'scripts' / 'demo'), '--bin', str(BIN), *args], capture_output=True, text=True,
                              timeout=180, check=False)

    def test_the_demo_at_short_intervals(self):
        done = self.demo('--steps', '10,20,40,80,100,30', '--hold', '7', '--interval', '1', '--schedule', '1', '--collector',
                         '1', '--ttl', '2')
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        lines = [line.split() for line in done.stdout.splitlines()]
        for agents in (10, 20, 40, 80, 100, 30):
            wanted = math.ceil(agents / 10)
            self.assertTrue(any(line[:4] == [str(agents), str(wanted), 'of', str(wanted)] for line in lines), done.stdout)
            self.assertRegex(done.stdout, rf'│ agents +{agents} █.*│ collectors +{wanted} .*│ aggregate +\d')
        self.assertIn(', 0 lost;', done.stdout)

    def test_a_demo_that_cannot_keep_its_word_says_so(self):
        done = self.demo('--steps', '30,10', '--hold', '2', '--interval', '1', '--schedule', '1', '--collector', '1', '--ttl', '30')
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn('10 agents: 30 agents are known instead of 10', done.stderr)


class Scale(E2e):
    def test_the_tables_have_their_figures(self):
        done = subprocess.run([str(ROOT / 'bench' / 'scale'), '--one', '100', '--many', '20,100', '--seconds', '3', '--warm-up', '2',
                               '--interval', '0.5'], capture_output=True, text=True, timeout=240, check=False,
                              env={**os.environ, 'DF_BIN': str(BIN)})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        table = [line.split() for line in done.stdout.splitlines() if re.match(r' +\d+ +\d+ +\d+\.\d', line)]
        self.assertEqual([row[:2] for row in table], [['100', '1'], ['20', '2'], ['100', '10']], done.stdout)
        for row in table:
            self.assertGreater(float(row[2]), 0)
        self.assertRegex(done.stdout, r'Balancer: 100 agents take \d+\.\d+ % of a core with 10 collectors')
