"""Rows that wait for the server: kill -9 of either end, a lossy and a cut network, a full disk. Each row that the agent
took is stored once."""
import os
import pathlib
import random
import re
import shutil
import subprocess
import time
import unittest

from harness import BIN, Agent, E2e, Server, wait_until

VM = ('ns-1', 'mcis-1', 'vm-1')
INTERVAL = '200ms'


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7f) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def rows_in(segment):
    """How many rows lie in a segment of the spool (docs/formats/spool.md)."""
    data, at, rows = segment.read_bytes(), 28, 0
    while at + 8 <= len(data):
        length = int.from_bytes(data[at:at + 4], 'little')
        if length == 0 or at + 8 + length > len(data):
            break
        payload = data[at + 8:at + 8 + length]
        if payload[0] == 2:
            _, position = varint(payload, 1)
            count, _ = varint(payload, position)
            rows += count
        at += 8 + length
    return rows


class SpoolCase(E2e):
    def setUp(self):
        super().setUp()
        # One source and so one row a tick.
        self.root = pathlib.Path(self.folder, 'root')
        (self.root / 'proc').mkdir(parents=True)
        shutil.copy('/proc/meminfo', self.root / 'proc' / 'meminfo')
        self.spool = pathlib.Path(self.folder, 'spool')

    def agent(self, server, key, wrap=()):
        return Agent(self, server, key, INTERVAL, ['--root', self.root, '--spool-dir', self.spool], wrap=wrap)

    def times(self, server):
        return [t for t, _ in server.raw_rows('memory').get(VM, [])]

    def newest_segment_rows(self):
        """Rows that the running (or just ended) agent took: each start begins a segment."""
        segments = sorted(self.spool.glob('*.spool'))
        return rows_in(segments[-1]) if segments else 0

    def check_stored(self, server, taken):
        wait_until(lambda: len(self.times(server)) >= taken, what=f'{taken} rows')
        times = self.times(server)
        self.assertEqual(len(times), taken)
        self.assertEqual(len(set(times)), taken)
        self.check_identity(server)


class Kills(SpoolCase):
    def test_kill_9_of_either_side_at_random(self):
        seed = time.time_ns()
        print('seed', seed)
        chance = random.Random(seed)
        server = Server(self)
        key = server.key(self)
        agent = self.agent(server, key)
        wait_until(lambda: self.times(server), what='a first row')
        taken = 0
        for victim in ('agent', 'server', 'both', 'server first'):
            time.sleep(chance.uniform(0.3, 1.2))
            if victim != 'agent':
                server.kill9()
                time.sleep(chance.uniform(0.3, 1.2) if victim == 'server first' else 0)
            if victim != 'server':
                agent.kill9()
                taken += self.newest_segment_rows()
            if victim != 'agent':
                server = Server(self, data=server.data, udp=server.udp)
            if victim != 'server':
                agent = self.agent(server, key)
                wait_until(lambda: self.newest_segment_rows() > 0, what='a row of the new start')
        wait_until(lambda: 'answers' in agent.log.read_text(), what='an answer of the server')
        time.sleep(1)
        agent.stop()
        taken += self.newest_segment_rows()
        self.assertRegex(agent.log.read_text(), r'stopped: \d+ rows acknowledged, 0 dropped, 0 left')
        self.check_stored(server, taken)
        server.stop()

    def test_rows_of_an_agent_that_stopped_without_a_server(self):
        server = Server(self)
        key = server.key(self)
        server.kill9()
        agent = self.agent(server, key)
        wait_until(lambda: self.newest_segment_rows() >= 5, what='five rows')
        agent.stop()
        taken = self.newest_segment_rows()
        self.assertIn(f'0 dropped, {taken} left unacknowledged, kept in the spool', agent.log.read_text())
        server = Server(self, data=server.data, udp=server.udp)
        agent = self.agent(server, key)
        wait_until(lambda: len(self.times(server)) > taken, what='rows of both starts')
        self.assertIn(f'{taken} rows of before wait', agent.log.read_text())
        agent.stop()
        self.check_stored(server, taken + self.newest_segment_rows())
        server.stop()


class Status(SpoolCase):
    def status(self, *args):
        return subprocess.run([str(BIN / 'cb-agent'), 'status', *args], capture_output=True, text=True, timeout=20,
                              cwd=self.folder)

    def test_status_tells_of_acks_rows_and_trouble(self):
        server = Server(self)
        key = server.key(self)
        server.kill9()
        agent = self.agent(server, key)
        told = wait_until(lambda: self.status('--spool-dir', str(self.spool)).stdout, what='a status')
        self.assertRegex(told, r'last ack +never\ntrouble +the server does not answer')
        server = Server(self, data=server.data, udp=server.udp)
        wait_until(lambda: self.times(server), what='a first row')
        told = self.status('--spool-dir', str(self.spool))
        self.assertEqual(told.returncode, 0, told.stderr)
        for what in (r'vm +ns-1/mcis-1/vm-1', r'key +\S+key-\d+, epoch 1', rf'server +{server.udp}',
                     r'last ack +\d+\.\d s ago', r'interval +200ms', r'rows +[1-9]\d* taken, [1-9]\d* acknowledged',
                     rf'spool +{self.spool}'):
            self.assertRegex(told.stdout, what)
        self.assertNotIn('trouble', told.stdout)
        agent.stop()
        told = self.status('--spool-dir', str(self.spool))
        self.assertEqual(told.returncode, 1)
        self.assertIn(str(self.spool), told.stderr)
        server.stop()


class Disks(SpoolCase):
    def test_a_spool_that_cannot_be_had_is_named(self):
        server = Server(self)
        first = self.agent(server, server.key(self))
        wait_until(lambda: self.newest_segment_rows() > 0, what='the spool')
        second = self.agent(server, server.key(self, vm='vm-2'))
        self.assertNotEqual(second.wait_exit(), 0)
        self.assertRegex(second.log.read_text(), rf'--spool-dir: .*{first.pid}')
        first.stop()
        self.spool = self.root / 'proc' / 'meminfo'
        third = self.agent(server, server.key(self, vm='vm-3'))
        self.assertNotEqual(third.wait_exit(), 0)
        self.assertIn('--spool-dir', third.log.read_text())
        server.stop()

    def test_a_full_disk(self):
        if os.geteuid() != 0:
            self.skipTest('needs root: mounts a file system')
        self.spool.mkdir()
        mounted = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', str(self.spool)],
                                 capture_output=True, text=True)
        if mounted.returncode != 0:
            self.skipTest(f'no tmpfs: {mounted.stderr.strip()}')
        self.addCleanup(subprocess.run, ['umount', str(self.spool)], check=True)
        with open(self.spool / 'filler', 'ab', buffering=0) as filler, self.assertRaises(OSError):
            while True:
                filler.write(bytes(512))
        server = Server(self)
        agent = self.agent(server, server.key(self))
        wait_until(lambda: len(self.times(server)) >= 3, what='rows without a spool')
        self.assertRegex(agent.log.read_text(), r'(?i)spool: .*no space.*memory only')
        os.remove(self.spool / 'filler')
        wait_until(lambda: self.newest_segment_rows() > 0, what='rows in the spool')
        agent.stop()
        server.stop()


class Networks(SpoolCase):
    """Two hosts: a server here, an agent in a network namespace behind a virtual cable."""

    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest('needs root: makes a network namespace')
        if not shutil.which('ip') or not shutil.which('nft'):
            self.skipTest('ip or nft is not installed')
        self.name = f'dfs{os.getpid()}'
        network = f'10.{200 + os.getpid() // 250 % 50}.{os.getpid() % 250}'
        self.address = f'{network}.1'
        self.addCleanup(subprocess.run, ['ip', 'netns', 'del', self.name], capture_output=True)
        for command in (f'netns add {self.name}',
                        f'link add {self.name} type veth peer name eth0 netns {self.name}',
                        f'addr add {network}.1/24 dev {self.name}', f'link set {self.name} up',
                        f'-n {self.name} addr add {network}.2/24 dev eth0', f'-n {self.name} link set eth0 up'):
            done = subprocess.run(['ip', *command.split()], capture_output=True, text=True)
            if done.returncode != 0:
                self.skipTest(f'ip {command}: {done.stderr.strip()}')

    def lose(self, percent):
        """In both directions: what arrives at the agent, and what it sends."""
        rules = 'flush ruleset\n'
        if percent:
            rules += 'table ip loss {\n' + ''.join(
                f'chain {hook} {{ type filter hook {hook} priority -300; numgen random mod 100 < {percent} drop; }}\n'
                for hook in ('input', 'output')) + '}\n'
        subprocess.run(['ip', 'netns', 'exec', self.name, 'nft', '-f', '-'], input=rules, text=True, check=True)

    def cable(self, state):
        subprocess.run(['ip', 'link', 'set', self.name, state], check=True)

    def test_loss_of_a_fifth_and_a_cut_cable(self):
        server = Server(self, udp=f'{self.address}:0')
        self.lose(20)
        agent = self.agent(server, server.key(self), wrap=['ip', 'netns', 'exec', self.name])
        wait_until(lambda: self.times(server), 30, what='a first row')
        time.sleep(1)
        self.cable('down')
        time.sleep(2)
        cut_until = time.time() * 1000
        self.cable('up')
        wait_until(lambda: self.times(server)[-1] > cut_until + 500, 30, 'live rows after the cut')
        self.lose(0)
        wait_until(lambda: len(self.times(server)) >= self.newest_segment_rows() - 1, 30, 'the rows of before')
        agent.stop()
        self.assertRegex(agent.log.read_text(), r'stopped: \d+ rows acknowledged, 0 dropped, 0 left')
        self.check_stored(server, self.newest_segment_rows())
        server.stop()


if __name__ == '__main__':
    unittest.main()
