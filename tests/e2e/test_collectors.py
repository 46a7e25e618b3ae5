"""Collectors follow the agents, and a policy that changes is followed by what runs."""
import json
import subprocess
import time

from harness import BIN, E2e, Server, Shooter, wait_until

FAST = ('--set', 'monitoring.schedule_interval=1', '--set', 'monitoring.collector_interval=1')


class Collectors(E2e):
    def collectors(self, server, **query):
        return server.get_json('/api/v1/collectors', **query)['collectors']

    def sizes(self, server):
        return sorted((c['vms'] for c in self.collectors(server)), reverse=True)

    def put(self, server, body, path='/dragonfly/config'):
        return server.request('PUT', path, body=body, headers={'Content-Type': 'application/json'})

    def test_collectors_follow_the_agents(self):
        server = Server(self, args=FAST)
        keys = server.key(self, 'vm-', count=25)
        shooter = Shooter(self, server, 25, '1s', '12s', keys=keys)
        wait_until(lambda: sum(self.sizes(server)) == 25 and len(self.sizes(server)) == 3, 15, '25 VMs in 3 collectors')
        self.assertLessEqual(max(self.sizes(server)), 10)

        # A smaller bound, by PUT: five collectors within two schedule intervals.
        self.assertEqual(self.put(server, '{"max_host_count": 5}').status, 200)
        wait_until(lambda: self.sizes(server) == [5] * 5, 10, 'five collectors of five')
        with self.subTest('a collector tells its VMs'):
            names = [n for c in self.collectors(server, detail='true') for n in c['vm_ids']]
            self.assertEqual(len(set(names)), 25)
            self.assertTrue(all(n.startswith('ns-1/mcis-1/') for n in names), names[:3])
        with self.subTest('stopped under load, another takes its place'):
            first = self.collectors(server)[0]['id']
            self.assertEqual(server.request('DELETE', f'/api/v1/collectors/{first}').json['state'], 'draining')
            wait_until(lambda: first not in [c['id'] for c in self.collectors(server)] and self.sizes(server) == [5] * 5,
                       10, 'its VMs with others')
        wait_until(lambda: all(c['rows_total'] > 0 for c in self.collectors(server)), 10, 'aggregations')
        with self.subTest('what its VMs did in the interval'):
            for collector in self.collectors(server, detail='true'):
                window = collector['window']
                self.assertGreater(window['rows'], 0)
                self.assertEqual(len(window['metrics']), 52, [m['metric'] for m in window['metrics']])
                for metric in window['metrics']:
                    self.assertLessEqual(metric['vms'], 5)
                    self.assertLessEqual(metric['min'], metric['avg'], metric)
                    self.assertLessEqual(metric['avg'], metric['max'], metric)
        report = shooter.report(60)
        self.assertEqual(report['lost'], 0)
        self.assertEqual(report['acked'], report['sent'])
        wait_until(lambda: self.sizes(server) == [0], 20, 'the TTL to end all tags, and one collector to stay')
        modules = {m['module']: m['state'] for m in server.get_json('/health')['modules']}
        self.assertEqual(modules['collectors'], 'ok')
        server.stop()

    def test_a_policy_change_outlives_the_server(self):
        server = Server(self, args=('--set', 'monitoring.max_host_count=7'))
        wrong = self.put(server, '{"collector_interval": 3, "max_host_count": 0}')
        self.assertEqual(wrong.status, 400)
        self.assertIn('max_host_count', wrong.text)
        config = server.get_json('/dragonfly/config')
        self.assertEqual((config['collector_interval'], config['max_host_count']), (10, 7))
        right = server.request('PUT', '/dragonfly/config', body='collector_interval=3',
                               headers={'Content-Type': 'application/x-www-form-urlencoded'})
        self.assertEqual((right.status, right.json['collector_interval'], right.json['max_host_count']), (200, 3, 7))
        server.kill9()
        server = Server(self, data=server.data, args=('--set', 'monitoring.max_host_count=8'))
        config = server.get_json('/dragonfly/config')
        self.assertEqual((config['collector_interval'], config['max_host_count']), (3, 8))
        self.assertEqual(self.put(server, '', '/dragonfly/config/reset').json['collector_interval'], 10)
        server.stop()

    def test_late_window_is_followed_by_what_runs(self):
        server = Server(self)
        line = f'mem,mcisId=m,vmId=v used_percent=1 {int((time.time() - 3600) * 1e9)}'
        self.assertEqual(server.request('POST', '/write?db=d', body=line).status, 204)
        self.assertEqual(self.put(server, '{"late_window": "30m"}').status, 200)
        wait_until(lambda: server.request('POST', '/write?db=d', body=line).status == 400, 10, 'a refusal')
        self.assertEqual(self.put(server, '{"late_window": "2h"}').status, 200)
        wait_until(lambda: server.request('POST', '/write?db=d', body=line).status == 204, 10, 'it to be taken again')
        server.stop()

    def test_cbmon_changes_and_shows(self):
        server = Server(self, args=FAST)

        def cbmon(*args):
            return subprocess.run([str(BIN / 'cbmon'), '--server', server.url, *args], capture_output=True, text=True,
                                  timeout=30)
        done = cbmon('config', 'set', 'max_host_count=20')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(cbmon('config', 'get', 'max_host_count').stdout, '20\n')
        wrong = cbmon('config', 'set', 'max_host_count=0')
        self.assertEqual(wrong.returncode, 1)
        self.assertIn('max_host_count', wrong.stderr)
        self.assertEqual(cbmon('config', 'reset').returncode, 0)
        self.assertEqual(cbmon('config', 'get', 'max_host_count').stdout, '10\n')
        wait_until(lambda: len(self.collectors(server)) == 1, 10, 'the one collector')
        started = json.loads(cbmon('--output', 'json', 'collector', 'start').stdout)['id']
        self.assertIn('hand', cbmon('collector', 'list').stdout)
        self.assertIn('draining', cbmon('collector', 'stop', str(started)).stdout)
        wait_until(lambda: len(self.collectors(server)) == 1, 10, 'the end of the other')
        gone = cbmon('collector', 'get', str(started))
        self.assertEqual(gone.returncode, 1)
        self.assertIn('is not there', gone.stderr)
        server.stop()
