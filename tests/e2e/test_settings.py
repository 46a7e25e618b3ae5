"""The policy's agent_interval reaches running agents, outlives them, and leaves alone who pins it."""
import json
import pathlib
import re
import subprocess

from harness import BIN, E2e, Process, Server, wait_until


class Steered(Process):
    """cb-agent with a spool, without --interval unless `args` give one."""

    def __init__(self, test, server, key, args=()):
        self.spool = pathlib.Path(test.folder, f'spool-{key.name}')
        super().__init__(test, 'cb-agent', ['--server', server.udp, '--key', key, '--spool-dir', self.spool, '--metadata',
                                            'none', *args])

    def status(self):
        """{name: value} of `cb-agent status`."""
        done = subprocess.run([str(BIN / 'cb-agent'), 'status', '--spool-dir', str(self.spool)], capture_output=True,
                              text=True, timeout=20, check=False)
        return {line[:16].strip(): line[17:] for line in done.stdout.splitlines()}


class Settings(E2e):
    def set_interval(self, server, seconds):
        answer = server.request('PUT', '/dragonfly/config', json.dumps({'agent_interval': seconds}),
                                {'Content-Type': 'application/json'})
        self.assertEqual(answer.status, 200, answer)

    def times(self, server, vm):
        return [time for time, _ in server.raw_rows('memory').get(('ns-1', 'mcis-1', vm), [])]

    def wait_steps(self, server, vm, seconds, count=2):
        """Waits until the newest `count` rows of the VM lie `seconds` apart."""
        def apart():
            newest = self.times(server, vm)[-count - 1:]
            steps = [b - a for a, b in zip(newest, newest[1:])]
            return steps == [seconds * 1000] * count and newest
        return wait_until(apart, 60, f'{count} rows of {vm}, {seconds} s apart')

    def outcomes(self, server):
        metrics = server.metrics()
        return {outcome: metrics.get(f'dragonfly_agent_settings_reported_total{{outcome="{outcome}"}}', 0)
                for outcome in ('applied', 'pinned', 'refused', 'unknown', 'other')}

    def test_agents_follow_the_policy_and_keep_it(self):
        server = Server(self)
        keys = [server.key(self, vm) for vm in ('vm-1', 'vm-2')]
        agent = Steered(self, server, keys[0])
        pinned = Steered(self, server, keys[1], ['--interval', '2s'])
        self.wait_steps(server, 'vm-1', 2)
        self.wait_steps(server, 'vm-2', 2)
        self.assertEqual(agent.status()['interval'], '2s (told by the server)')
        self.assertEqual(pinned.status()['interval'], '2s (pinned: given on the command line)')

        self.set_interval(server, 4)
        wait_until(lambda: self.outcomes(server)['applied'] >= 2, 10, 'a report of the agent')
        wait_until(lambda: agent.status()['interval'] == '4s (told by the server)', 10, 'the agent at 4 s')
        self.wait_steps(server, 'vm-1', 4)
        # The TTL in force is 2.5 intervals of this agent: it is alive, and so tagged, all of its 4 s long.
        vms = {vm['vm']: vm['state'] for vm in server.get_json('/api/v1/vms')['vms']}
        self.assertEqual(vms, {'vm-1': 'alive', 'vm-2': 'alive'})
        self.wait_steps(server, 'vm-2', 2)
        wait_until(lambda: pinned.status()['interval'] == '2s (pinned: given on the command line; the server says 4s)', 10,
                   'the pinned agent that knows')
        self.assertEqual(self.outcomes(server)['pinned'], 2)

        # Killed, and started while the server is away: the interval is there before anybody could tell it.
        agent.kill9()
        server.stop()
        again = Steered(self, server, keys[0])
        wait_until(lambda: again.status().get('interval') == '4s (told by the server)', 20, 'the interval of before')
        server = Server(self, server.data, http=server.http, udp=server.udp)
        self.wait_steps(server, 'vm-1', 4)

        self.set_interval(server, 1)
        self.wait_steps(server, 'vm-1', 1, 3)
        answer = server.request('PUT', '/dragonfly/config/reset', '')
        self.assertEqual(answer.status, 200, answer)
        self.wait_steps(server, 'vm-1', 2)

        self.assertEqual(self.outcomes(server)['refused'], 0)
        again.stop()
        pinned.stop()
        # No time is missing or comes twice, also while the server was away: the pinned agent's steps behind the first row,
        # which is off the grid, are its interval; those of the other are at most the longest one, but where it was killed.
        def steps(vm):
            times = self.times(server, vm)
            return [after - before for before, after in zip(times, times[1:])]
        self.assertEqual(set(steps('vm-2')[1:]), {2000})
        self.assertGreater(min(steps('vm-1')), 0)
        self.assertLessEqual(sum(step > 4000 for step in steps('vm-1')), 1)
        for process, vm in ((again, 'vm-1'), (pinned, 'vm-2')):
            told = re.search(r'stopped: (\d+) rows acknowledged, (\d+) dropped, (\d+) left', process.log.read_text())
            self.assertEqual(told.groups()[1:], ('0', '0'), vm)
        self.check_identity(server)
        self.assertEqual(server.metric_sum('dragonfly_rows_dropped_total'), 0)
        server.stop()

    def test_an_interval_of_the_command_line_of_the_server(self):
        server = Server(self, args=['--set', 'monitoring.agent_interval=0.5'])
        agent = Steered(self, server, server.key(self))
        wait_until(lambda: agent.status().get('interval') == '500ms (told by the server)', 20, 'the server\'s interval')
        self.wait_steps(server, 'vm-1', 0.5)
        agent.stop()
        server.stop()
