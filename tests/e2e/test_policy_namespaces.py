"""A namespace's own policy: in force for its agents, its VMs' states and its answers, and for nobody else's."""
import json
import pathlib
import subprocess
import unittest

from harness import BIN, E2e, Process, Server, line_tags, now_ns, vm_path, wait_until


class Namespaces(E2e):
    def put(self, server, ns, **changes):
        answer = server.request('PUT', f'/dragonfly/config?ns={ns}', json.dumps(changes), {'Content-Type': 'application/json'})
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def intervals(self, server):
        """{ns: s between the newest two rows}."""
        out = {}
        for (ns, _, _), rows in server.raw_rows('memory').items():
            times = [time for time, _ in rows][-3:]
            out[ns] = {(b - a) / 1000 for a, b in zip(times, times[1:])}
        return out

    def test_agents_of_a_namespace_have_its_interval(self):
        server = Server(self)
        for ns in ('shop', 'bank'):
            Process(self, 'cb-agent', ['--server', server.udp, '--key', server.key(self, ns=ns), '--metadata', 'none',
                                       '--spool-dir', pathlib.Path(self.folder, f'spool-{ns}')])
        wait_until(lambda: self.intervals(server).keys() == {'shop', 'bank'}, what='both agents')
        self.put(server, 'shop', agent_interval=1)
        wait_until(lambda: self.intervals(server) == {'shop': {1}, 'bank': {2}}, 30, 'a row a second of one, two of the other')
        self.assertEqual(server.request('PUT', '/dragonfly/config/reset?ns=shop').status, 200)
        wait_until(lambda: self.intervals(server) == {'shop': {2}, 'bank': {2}}, 30, 'as before')

    def test_states_of_its_vms(self):
        server = Server(self)
        self.put(server, 'shop', agent_TTL=25)
        server.write('\n'.join(f'cpu,{line_tags(ns=ns)} cpu_idle=5 {now_ns()}' for ns in ('shop', 'bank')))
        states = lambda: {vm['ns']: vm['state'] for vm in server.get_json('/api/v1/vms')['vms']}
        self.assertEqual(states(), {'shop': 'alive', 'bank': 'alive'})
        wait_until(lambda: states()['bank'] == 'late', 20, 'the TTL of the server')
        self.assertEqual(states()['shop'], 'alive')

    def test_the_usual_statistic_of_its_answers(self):
        server = Server(self)
        now = now_ns()
        server.write('\n'.join(f'cpu,{line_tags(ns=ns)} cpu_idle={10 * i} {now - i * 10**9}' for ns in ('shop', 'bank')
                               for i in (1, 2, 3)))
        self.put(server, 'shop', aggregate_type='max')
        one = lambda ns: server.get_json(vm_path(ns=ns) + '/metric/cpu/rt-info')['value']['cpu_idle']
        self.assertEqual((one('shop'), one('bank')), (30, 20))
        all_of = lambda ns: server.get_json(f'/dragonfly/ns/{ns}/mcis/mcis-1/rt-info', metric='cpu')
        self.assertEqual([all_of(ns)['statistic'] for ns in ('shop', 'bank')], ['max', 'avg'])
        self.assertEqual(all_of('shop')['breakdown'][0]['value']['cpu_idle']['avg'], 30)
        said = server.get_json(vm_path(ns='shop') + '/metric/cpu/rt-info', statisticsCriteria='min')
        self.assertEqual(said['value']['cpu_idle'], 10, 'what is said is what counts')

    def test_history_rollback_restart(self):
        server = Server(self)
        cbmon = lambda *args: subprocess.run([str(BIN / 'cbmon'), '--server', server.url, *args], capture_output=True, text=True,
                                             timeout=30, cwd=self.folder)
        self.assertEqual(cbmon('config', 'set', '--ns', 'shop', 'agent_interval=1').returncode, 0)
        self.assertEqual(cbmon('config', 'set', 'agent_interval=4').returncode, 0)
        refused = cbmon('config', 'set', '--ns', 'shop', 'retention_raw=96h')
        self.assertEqual(refused.returncode, 1)
        self.assertIn('the same for the whole server', refused.stderr)
        value = lambda *args: cbmon('config', 'get', 'agent_interval', *args).stdout.strip()
        self.assertEqual((value(), value('--ns', 'shop'), value('--ns', 'bank')), ('4', '1', '4'))
        server.stop()
        server = Server(self, data=server.data)
        self.assertEqual((value(), value('--ns', 'shop')), ('4', '1'))
        self.assertEqual(cbmon('config', 'reset', '--ns', 'shop').returncode, 0)
        self.assertEqual((value(), value('--ns', 'shop')), ('4', '4'))
        self.assertEqual(cbmon('config', 'rollback', '1').returncode, 0)
        self.assertEqual((value(), value('--ns', 'shop')), ('2', '1'))
        self.assertIn('agent_interval@shop', cbmon('config', 'history').stdout)
        self.assertIn('config set of namespace shop', cbmon('audit').stdout)


if __name__ == '__main__':
    unittest.main()
