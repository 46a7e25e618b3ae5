"""What becomes of an agent's key: changed without a lost row, revoked, taken over, cloned; and the way by HTTPS."""
import json
import pathlib
import re
import socket
import subprocess
import threading
import unittest

from harness import BIN, wait_until
from test_enrol import EnrolCase


class Relay:
    """UDP between agents and a server; `open` says whether anything passes."""

    def __init__(self, test, target):
        self.front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.front.bind(('127.0.0.1', 0))
        self.port = self.front.getsockname()[1]
        self.target, self.open, self.passed, self.backs = target, False, 0, {}
        self.ended = False
        test.addCleanup(self.end)
        threading.Thread(target=self.run, daemon=True).start()

    def end(self):
        self.ended = True
        for one in (self.front, *self.backs.values()):
            one.close()

    def run(self):
        while not self.ended:
            try:
                data, source = self.front.recvfrom(2048)
            except OSError:
                return
            if not self.open:
                continue
            self.passed += 1
            if source not in self.backs:
                back = self.backs[source] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                back.bind(('127.0.0.1', 0))
                threading.Thread(target=self.answer, args=(back, source), daemon=True).start()
            self.backs[source].sendto(data, self.target)

    def answer(self, back, source):
        while not self.ended:
            try:
                data = back.recv(2048)
                self.front.sendto(data, source)
            except OSError:
                return


class Keys(EnrolCase):
    def enrolled(self, server, vm='web-1', name='key'):
        token = self.agent_token(server, '--ns', 'shop', '--mcis', 'web')
        key = pathlib.Path(self.folder, name)
        done = self.enroll(server.url, token, key, '--vm', vm)
        self.assertEqual(done.returncode, 0, done.stderr)
        return key

    def status(self, spool):
        done = subprocess.run([BIN / 'cb-agent', 'status', '--spool-dir', spool], capture_output=True, text=True, timeout=10)
        return done.stdout

    def keys(self, server, *args):
        return json.loads(self.cbmon(server, 'agent', 'keys', '--output', 'json', *args).stdout)['agents']

    def rows_taken(self, spool):
        return int(re.search(r'rows +(\d+) taken', self.status(spool))[1])

    def stored(self, server):
        return server.metrics()['dragonfly_rows_stored_total']

    def test_a_key_is_changed_without_a_lost_row(self):
        server = self.start()
        key = self.enrolled(server)
        first = key.read_text()
        spool = pathlib.Path(self.folder, 'spool')
        agent = self.run_agent(key, '--root', '/', '--spool-dir', spool, '--interval', '200ms')
        wait_until(lambda: self.stored(server) > 0, what='rows')
        for epoch in (2, 3):
            done = self.cbmon(server, 'agent', 'rotate', 'web-1')
            self.assertEqual(done.returncode, 0, done.stderr)
            wait_until(lambda: self.keys(server)[0]['state'] == 'active' and self.keys(server)[0]['epoch'] == epoch, 30, f'key {epoch}')
            self.assertIn(f'epoch {epoch}', self.status(spool))
        self.assertNotEqual(key.read_text(), first)
        self.assertEqual(key.stat().st_mode & 0o777, 0o600)
        self.assertIn('dragonfly-agent-enrolment-1', key.read_text())  # Where the server is stays.
        agent.stop()
        taken = int(re.search(r'(\d+) rows acknowledged, 0 dropped, 0 left', agent.log.read_text())[1])
        self.assertEqual(self.stored(server), taken)
        self.assertEqual(server.metric_sum('dragonfly_rows_refused_total'), 0)
        # The key before is good for nothing any more; the newest outlives both sides.
        old = pathlib.Path(self.folder, 'old')
        old.write_text(first)
        old.chmod(0o600)
        before = server.metrics()['dragonfly_datagrams_malformed_total{cause="wrong_epoch"}']
        stale = self.run_agent(old, '--root', '/')
        wait_until(lambda: server.metrics()['dragonfly_datagrams_malformed_total{cause="wrong_epoch"}'] > before, what='a refusal')
        stale.kill9()
        server.stop()
        again = self.start(data=server.data, http=server.http, udp=server.udp)
        agent = self.run_agent(key, '--root', '/', '--spool-dir', spool)
        wait_until(lambda: self.stored(again) > 0, what='rows after the restart')
        agent.stop()
        again.stop()

    def test_a_key_that_cannot_be_kept_is_not_used(self):
        server = self.start()
        key = self.enrolled(server)
        agent = self.run_agent(key, '--root', '/', '--interval', '200ms')
        wait_until(lambda: self.stored(server) > 0, what='rows')
        (pathlib.Path(str(key) + '.tmp')).mkdir()  # Where the new file is made.
        self.assertEqual(self.cbmon(server, 'agent', 'rotate', 'web-1').returncode, 0)
        wait_until(lambda: 'cannot be kept' in agent.log.read_text(), what='the trouble in the log')
        before = self.stored(server)
        wait_until(lambda: self.stored(server) > before, what='rows under the old key')
        self.assertEqual(self.keys(server)[0]['state'], 'rotating')
        self.assertEqual(self.cbmon(server, 'agent', 'rotate', 'web-1').returncode, 1)
        pathlib.Path(str(key) + '.tmp').rmdir()
        wait_until(lambda: self.keys(server)[0]['state'] == 'active', 30, 'the key')
        agent.stop()
        server.stop()

    def test_a_revoked_agent_says_why_and_ends(self):
        server = self.start()
        key = self.enrolled(server)
        agent = self.run_agent(key, '--root', '/', '--interval', '200ms')
        wait_until(lambda: self.stored(server) > 0, what='rows')
        self.assertEqual(self.cbmon(server, 'agent', 'revoke', 'web-1').returncode, 0)
        self.assertEqual(agent.wait_exit(30), 2)
        self.assertIn('has revoked this agent', agent.log.read_text())
        self.assertIn('cb-agent enroll', agent.log.read_text())
        self.assertEqual(self.keys(server), [])
        self.assertEqual(self.keys(server, '--revoked')[0]['state'], 'revoked')
        # Started again it hears the same, also after the server was.
        server.stop()
        again = self.start(data=server.data, http=server.http, udp=server.udp)
        self.assertEqual(self.run_agent(key, '--root', '/').wait_exit(30), 2)
        self.assertEqual(self.stored(again), 0)
        again.stop()

    def test_another_machine_takes_the_place(self):
        server = self.start()
        key = self.enrolled(server)
        first = self.run_agent(key, '--root', '/', '--interval', '200ms')
        wait_until(lambda: self.rows_of(server, 'web-1'), what='rows')
        # A key that was made by hand for the same VM waits while the other is heard …
        by_hand = server.key(self, vm='web-1', ns='shop', mcis='web')
        spool = pathlib.Path(self.folder, 'spool')
        second = self.run_agent(by_hand, '--server', server.udp, '--spool-dir', spool, '--interval', '200ms')
        wait_until(lambda: 'hears another agent of this VM' in second.log.read_text(), 30, 'the reason in the log')
        self.assertIn('hears another agent', self.status(spool))
        self.assertGreater(server.metrics()['dragonfly_rows_dropped_total{cause="other_agent"}'], 0)
        second.kill9()
        # … and one that enrols with what `replace` gives takes its place at once.
        enrolled = [one for one in self.keys(server) if one['last_seen']]
        self.assertEqual(len(enrolled), 1)
        done = self.cbmon(server, 'agent', 'replace', enrolled[0]['agent_id'])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(first.wait_exit(30), 2)
        for one in self.keys(server):
            self.assertEqual(self.cbmon(server, 'agent', 'revoke', one['agent_id']).returncode, 0)
        successor = pathlib.Path(self.folder, 'successor')
        self.assertEqual(self.enroll(server.url, done.stdout.strip(), successor, '--vm', 'web-1').returncode, 0)
        before = self.stored(server)
        agent = self.run_agent(successor, '--root', '/', '--interval', '200ms')
        wait_until(lambda: self.stored(server) > before, what='rows of the successor')
        agent.stop()
        server.stop()

    def test_one_image_on_three_machines_is_found(self):
        """Nothing tells the machines apart, as in containers of one image: their sessions take turns."""
        server = self.start()
        key = self.enrolled(server)
        agents = [self.run_agent(key, '--root', '/', '--interval', '200ms') for _ in range(3)]

        def health():
            return ' '.join(module['message'] for module in server.get_json('/health')['modules'])
        wait_until(lambda: 'duplicate identity' in health(), 60, 'the duplicate in /health')
        self.assertIn('shop/web/web-1', health())
        self.assertTrue(self.keys(server)[0]['duplicate'])
        self.assertRegex(self.cbmon(server, 'agent', 'keys').stdout, r'(?m)web-1 .*true *$')
        self.assertIn('duplicate identity', self.cbmon(server, 'health').stdout)
        self.assertIn('duplicate identity', server.log.read_text())
        for agent in agents:
            agent.kill9()
        server.stop()

    def test_by_https_where_udp_does_not_get_through(self):
        server = self.start(['--set', 'server.advertise=127.0.0.1:1'])
        relay = Relay(self, server.udp_address)
        server.stop()
        server = self.start(['--set', f'server.advertise=127.0.0.1:{relay.port}'], data=server.data, udp=server.udp)
        key = self.enrolled(server)
        spool = pathlib.Path(self.folder, 'spool')
        agent = self.run_agent(key, '--root', '/', '--spool-dir', spool, '--interval', '1s')
        wait_until(lambda: self.rows_of(server, 'web-1'), 40, 'rows by HTTPS')
        self.assertIn('frames go to', agent.log.read_text())
        self.assertIn('HTTPS since', self.status(spool))
        self.assertGreater(server.metrics()['dragonfly_datagrams_https_total'], 0)
        self.assertEqual(relay.passed, 0)
        # An ack by HTTPS means durable, too; and the server can ask.
        wait_until(lambda: re.search(r', 0 dropped, [0-9] wait', self.status(spool)), 20, 'acks')
        answer = server.get('/dragonfly/ns/shop/mcis/web/vm/web-1/agent_ip/1.2.3.4/metric/memory/ondemand-monitoring-info')
        self.assertEqual(answer.status, 200, answer)
        server.kill9()
        acked = int(re.search(r'(\d+) acknowledged', self.status(spool))[1])
        again = self.start(['--set', f'server.advertise=127.0.0.1:{relay.port}'], data=server.data, http=server.http, udp=server.udp)
        self.assertGreaterEqual(again.metrics()['dragonfly_rows_recovered_total'], acked)
        # The cable is mended: it goes back by itself.
        relay.open = True
        wait_until(lambda: 'UDP gets through again' in agent.log.read_text(), 90, 'the way back')
        self.assertIn('transport        UDP\n', self.status(spool))
        wait_until(lambda: relay.passed > 5, what='frames by UDP')
        agent.stop()
        self.assertIn('0 dropped, 0 left unacknowledged', agent.log.read_text())
        again.stop()


if __name__ == '__main__':
    unittest.main()
