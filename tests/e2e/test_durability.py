"""What was acknowledged is there, once, whatever happens to the server."""
import socket
import threading
import time
import unittest

from harness import Agent, E2e, Server, Shooter, line_tags, vm_path, wait_until


class Relay:
    """A UDP relay before the server that remembers what passes, for replay."""

    def __init__(self, test, target):
        self.target = target
        self.inside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.inside.bind(('127.0.0.1', 0))
        self.outside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.outside.bind(('127.0.0.1', 0))
        self.udp = '127.0.0.1:%d' % self.outside.getsockname()[1]
        self.captured = []
        self.client = None
        self.stopped = False
        for source in (self.inside, self.outside):
            source.settimeout(0.1)
        self.threads = [threading.Thread(target=self._inwards, daemon=True), threading.Thread(target=self._outwards, daemon=True)]
        for thread in self.threads:
            thread.start()
        test.addCleanup(self.stop)

    def _inwards(self):
        while not self.stopped:
            try:
                data, self.client = self.outside.recvfrom(65536)
            except TimeoutError:
                continue
            self.captured.append(data)
            self.inside.sendto(data, self.target)

    def _outwards(self):
        while not self.stopped:
            try:
                data, _ = self.inside.recvfrom(65536)
            except (TimeoutError, ConnectionRefusedError):
                continue
            if self.client:
                self.outside.sendto(data, self.client)

    def stop(self):
        self.stopped = True
        for thread in self.threads:
            thread.join()
        self.inside.close()
        self.outside.close()


class Durability(E2e):
    agents = 200

    def counts(self, server, group='cpu'):
        """{vm: number of rows}; the times of a VM are distinct."""
        out = {}
        for (_, _, vm), rows in server.raw_rows(group).items():
            times = [t for t, _ in rows]
            self.assertEqual(len(times), len(set(times)), f'{vm} has a time twice')
            self.assertEqual(times, sorted(times))
            out[vm] = len(times)
        return out

    def check_all_there(self, server, report):
        """Every row that was acknowledged is there, and none that was not sent."""
        self.assertEqual(report['agents'], self.agents)
        self.assertEqual(report['lost'], 0, report)
        total = sum(sum(self.counts(server, group).values()) for group in ('cpu', 'memory', 'disk', 'network', 'cpufreq'))
        self.assertGreaterEqual(total, report['acked'], report)
        self.assertLessEqual(total, report['sent'], report)
        counts = self.counts(server)
        self.assertEqual(len(counts), self.agents)
        return total

    def test_sigterm_leaves_everything_durable(self):
        server = Server(self)
        keys = server.key(self, 'vm-', count=self.agents)
        report = Shooter(self, server, self.agents, '500ms', '4s', keys=keys).report()
        self.check_all_there(server, report)
        before = server.raw_rows('memory')
        self.check_identity(server)
        server.stop()
        again = Server(self, data=server.data)
        self.assertEqual(again.raw_rows('memory'), before)
        again.stop()

    def test_kill9_under_load(self):
        server = Server(self)
        keys = server.key(self, 'vm-', count=self.agents)
        shooter = Shooter(self, server, self.agents, '500ms', '12s', keys=keys)
        for _ in range(3):
            count = server.metric_sum('dragonfly_rows_received_total')
            wait_until(lambda: server.metric_sum('dragonfly_rows_received_total') > count + 2000, what='load')
            time.sleep(0.7)
            server.kill9()
            server = Server(self, data=server.data, udp=server.udp)
        report = shooter.report()
        self.check_all_there(server, report)
        self.check_identity(server)
        server.stop()

    def test_kill9_right_after_an_http_write(self):
        server = Server(self)
        start = (int(time.time()) - 600) * 10**9
        for i in range(20):
            server.write(f'mem,{line_tags()} used_percent={i} {start + i * 10**9}')
            if i % 5 == 4:
                server.kill9()
                server = Server(self, data=server.data)
        rows = server.raw_rows('memory')[('ns-1', 'mcis-1', 'vm-1')]
        self.assertEqual([row['mem_utilization'] for _, row in rows], list(range(20)))

    def test_rows_are_there_while_they_are_sealed(self):
        """Each batch is more than a head keeps of a VM, so it goes to the store while the questions run."""
        server = Server(self)
        vms = [('ns-1', 'mcis-1', f'vm-{number}') for number in range(8)]
        begin = int(time.time()) - 3000
        for batch in range(8):
            for vm in vms:
                server.write('\n'.join(f'mem,{line_tags(*vm)} total={begin + i}i,used={i}i,free=1i {begin + i}'
                                       for i in range(batch * 300, batch * 300 + 300)), precision='s')
            for _ in range(6):
                rows = server.raw_rows('memory', start=begin)
                self.assertEqual({vm: len(rows.get(vm, [])) for vm in vms}, dict.fromkeys(vms, (batch + 1) * 300))
        server.stop()

    def test_replay_changes_nothing_also_over_a_restart(self):
        server = Server(self)
        relay = Relay(self, server.udp_address)
        real_udp, server.udp = server.udp, relay.udp
        key = server.key(self)
        # A frame that comes before the server has read the key opens nothing; sent again it would not be a replay.
        wait_until(lambda: server.metrics()['dragonfly_agents_enrolled'] == 1, what='the key is known')
        agent = Agent(self, server, key, '1s')
        server.udp = real_udp
        wait_until(lambda: len(server.raw_rows('cpu').get(('ns-1', 'mcis-1', 'vm-1'), [])) >= 4, what='four rows')
        agent.stop()
        wait_until(lambda: server.metrics()['dragonfly_rows_pending'] >= 0, what='metrics')
        before = {group: server.raw_rows(group) for group in ('cpu', 'memory', 'disk', 'network')}
        frames = len(relay.captured)
        self.assertGreaterEqual(frames, 4)

        def replay(target):
            received = 'dragonfly_datagrams_received_total'
            refused, taken = target.refused_datagrams(), target.metrics()[received]
            for data in relay.captured[:frames]:
                target.send_udp(data)
            wait_until(lambda: target.metrics()[received] >= taken + frames, what='the replays arrive')
            # Past a kill a frame without new rows (a keep-alive, a re-send) may open once more: it is in no log.
            self.assertGreaterEqual(target.refused_datagrams() - refused, 4)
            for group, rows in before.items():
                self.assertEqual(target.raw_rows(group), rows)
            self.check_identity(target)
            return target.refused_datagrams() - refused
        self.assertEqual(replay(server), frames)
        server.kill9()
        again = Server(self, data=server.data)
        replay(again)
        again.stop()
        once_more = Server(self, data=server.data)
        replay(once_more)

    def test_second_server_on_the_same_data_is_refused(self):
        server = Server(self)
        other = Server(self, data=server.data, ready=False)
        self.assertNotEqual(other.wait_exit(), 0)
        self.assertRegex(other.log.read_text() + ' '.join(other.lines), r'(?i)lock|in use|another')
        self.assertEqual(server.get('/healthcheck').status, 204)


class Identity(E2e):
    def test_at_all_times(self):
        server = Server(self)
        keys = server.key(self, 'vm-', count=50)
        shooter = Shooter(self, server, 50, '200ms', '5s', keys=keys)
        checks = 0
        while shooter.alive():
            self.check_identity(server)
            checks += 1
            time.sleep(0.1)
        self.assertGreater(checks, 10)
        shooter.report()
        now = int(time.time())
        server.post('/write?db=cbmon&precision=s', f'mem,{line_tags()} used_percent=1 {now - 400 * 86400}\n'
                                                   f'mem,{line_tags()} used_percent=1 {now + 86400}\n'
                                                   f'mem,{line_tags()} used_percent=1 {now}\n'
                                                   f'mem,{line_tags()} used_percent=2 {now}')
        parts = self.check_identity(server)
        self.assertEqual(parts['refused_total'], 2)


if __name__ == '__main__':
    unittest.main()
