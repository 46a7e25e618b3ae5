"""What an agent reports against what the kernel says, and what happens when either end starts again."""
import http.server
import json
import os
import pathlib
import re
import subprocess
import threading
import time
import unittest

from harness import BIN, METRICS, Agent, E2e, Server, vm_path, wait_until

INTERVAL_S = 1
LOAD_S = 15  # A minute where DF_LONG is set.
NOT_DISKS = re.compile(r'^(loop|ram|zram|dm-|md|sr|fd|nbd)')


def meminfo():
    return {name: int(rest.split()[0]) * 1024 for name, rest in
            (line.split(':') for line in pathlib.Path('/proc/meminfo').read_text().splitlines())}


def cpu_ticks():
    return [int(x) for x in pathlib.Path('/proc/stat').read_text().split('\n')[0].split()[1:9]]


def disk_totals():
    """(sectors read, sectors written, writes) of whole disks."""
    rows = [line.split() for line in pathlib.Path('/proc/diskstats').read_text().splitlines()]
    whole = [row for row in rows if os.path.exists(f'/sys/block/{row[2]}') and not NOT_DISKS.match(row[2])]
    return [sum(int(row[column]) for row in whole) for column in (5, 9, 7)]


def vmstat(name):
    return int(re.search(rf'^{name} (\d+)', pathlib.Path('/proc/vmstat').read_text(), re.M).group(1))


class AgainstProc(E2e):
    def start(self):
        server = Server(self)
        agent = Agent(self, server, server.key(self), f'{INTERVAL_S}s')
        wait_until(lambda: server.try_get(vm_path() + '/metric/cpu/rt-info') == 200, what='a first row')
        return server, agent

    def phase_ms(self, server):
        """Where in its interval the agent ticks."""
        # The first row is off the grid: an agent samples at its start.
        rows = wait_until(lambda: server.raw_rows('memory').get(('ns-1', 'mcis-1', 'vm-1'), [])[1:],
                          what='a second memory row')
        return rows[-1][0] % (INTERVAL_S * 1000)

    def until_tick(self, phase):
        """Sleeps to the agent's next scheduled tick; returns its time in ms."""
        now = time.time() * 1000
        tick = (int((now - phase) // (INTERVAL_S * 1000)) + 1) * INTERVAL_S * 1000 + phase
        time.sleep((tick - now) / 1000)
        return int(tick)

    def at(self, server, group, tick):
        def find():
            return [row for t, row in server.raw_rows(group).get(('ns-1', 'mcis-1', 'vm-1'), []) if t == tick]
        return wait_until(find, what=f'the {group} row of tick {tick}')[0]

    def test_gauges_at_the_same_tick(self):
        server, agent = self.start()
        phase = self.phase_ms(server)
        before = self.until_tick(phase)
        ticks_before = cpu_ticks()
        tick = self.until_tick(phase)
        self.assertEqual(tick - before, INTERVAL_S * 1000)
        ticks, memory, now = cpu_ticks(), meminfo(), time.time()
        load, uptime = (pathlib.Path(f'/proc/{name}').read_text().split() for name in ('loadavg', 'uptime'))
        disk = os.statvfs('/')
        cpu, mem, dsk = (self.at(server, group, tick) for group in ('cpu', 'memory', 'disk'))

        spent = [b - a for a, b in zip(ticks_before, ticks)]
        self.assertAlmostEqual(cpu['cpu_idle'], 100 * spent[3] / sum(spent), delta=15)
        self.assertAlmostEqual(cpu['cpu_utilization'], 100 - cpu['cpu_idle'], delta=0.02)
        self.assertEqual(cpu['cpu_num'], os.sysconf('SC_NPROCESSORS_ONLN'))
        self.assertAlmostEqual(cpu['uptime'], float(uptime[0]) - (time.time() - now), delta=1)
        self.assertAlmostEqual(cpu['load_avg_5m'], float(load[1]), delta=0.3)
        processes = sum(name.isdigit() for name in os.listdir('/proc'))
        self.assertAlmostEqual(cpu['proc_num'], processes, delta=max(10, processes * 0.2))
        self.assertEqual(mem['mem_total'], memory['MemTotal'])
        self.assertAlmostEqual(mem['mem_free'], memory['MemFree'], delta=memory['MemTotal'] * 0.03)
        cached = memory['Cached'] + memory['SReclaimable']
        self.assertAlmostEqual(mem['mem_cached'], cached, delta=memory['MemTotal'] * 0.03)
        self.assertEqual(mem['mem_used'], mem['mem_total'] - mem['mem_free'] - mem['mem_buffers'] - mem['mem_cached'])
        self.assertAlmostEqual(mem['mem_utilization'], 100 * mem['mem_used'] / mem['mem_total'], delta=0.01)
        self.assertGreaterEqual(dsk['disk_total'], 0.9 * disk.f_blocks * disk.f_frsize)
        if 'disk_used' in dsk and dsk['disk_used'] + dsk['disk_free']:
            share = 100 * dsk['disk_used'] / (dsk['disk_used'] + dsk['disk_free'])
            self.assertAlmostEqual(dsk['disk_utilization'], share, delta=0.01)
        agent.stop()
        server.stop()

    def write_load(self, stop):
        path = pathlib.Path(self.folder, 'load')
        block = os.urandom(1 << 20)
        while not stop.is_set():
            with open(path, 'wb') as out:
                for _ in range(16):
                    out.write(block)
                out.flush()
                os.fsync(out.fileno())

    def test_counters_within_one_percent(self):
        if not disk_totals()[1]:
            self.skipTest('this machine counts no writes to whole disks')
        seconds = 60 if os.environ.get('DF_LONG') else LOAD_S
        server, agent = self.start()
        phase = self.phase_ms(server)
        first = self.until_tick(phase)
        before = disk_totals() + [vmstat('pgpgout')]
        stop = threading.Event()
        load = threading.Thread(target=self.write_load, args=(stop,))
        time.sleep(0.2)
        load.start()
        time.sleep(seconds - 1.5)
        stop.set()
        load.join()
        while True:
            last = self.until_tick(phase)
            after = disk_totals() + [vmstat('pgpgout')]
            if last >= first + seconds * 1000:
                break
        self.at(server, 'disk', last)
        for group, column, grown in (('disk', 'kb_written', (after[1] - before[1]) / 2), ('disk', 'ops_write', after[2] - before[2]),
                                     ('memory', 'page_out', (after[3] - before[3]) * 1024)):
            with self.subTest(column):
                self.assertGreater(grown, 0)
                rows = [(t, row[column]) for t, row in server.raw_rows(group)[('ns-1', 'mcis-1', 'vm-1')] if first <= t <= last]
                self.assertEqual(rows[0][0], first)
                rated = sum(rate * (t - rows[i][0]) / 1000 for i, (t, rate) in enumerate(rows[1:]))
                self.assertAlmostEqual(rated, grown, delta=max(0.01 * grown, 20), msg=f'{column} over {seconds} s')
        agent.stop()
        server.stop()

    def test_on_demand_within_a_second_also_between_ticks(self):
        server = Server(self)
        Agent(self, server, server.key(self), '10s')
        path = f'{vm_path()}/agent_ip/127.0.0.1/metric/memory/ondemand-monitoring-info'
        wait_until(lambda: server.metrics()['dragonfly_frames_received_total'] >= 1, what='a first frame')
        for _ in range(5):
            started = time.monotonic()
            values = server.get_json(path)['values']
            self.assertLess(time.monotonic() - started, 1)
            self.assertEqual(values['mem_total'], meminfo()['MemTotal'])

    def test_on_demand_of_a_dead_agent_names_the_cause(self):
        server = Server(self)
        agent = Agent(self, server, server.key(self))
        wait_until(lambda: server.try_get(vm_path() + '/metric/cpu/rt-info') == 200, what='a first row')
        agent.kill9()
        answer = server.get(f'{vm_path()}/agent_ip/127.0.0.1/metric/cpu/ondemand-monitoring-info')
        self.assertEqual(answer.status, 504)
        self.assertRegex(answer.json['message'], r'vm-1|agent|answer|silent')


class Once(E2e):
    def test_once_prints_every_metric(self):
        out = subprocess.run([BIN / 'cb-agent', '--once'], capture_output=True, text=True, timeout=20, cwd=self.folder)
        self.assertEqual(out.returncode, 0, out.stderr)
        text = json.dumps(json.loads(out.stdout))
        for name in ('cpu_utilization', 'proc_num', 'mem_total', 'page_out', 'disk_total', 'write_time', 'bytes_in', 'drop_out'):
            self.assertIn(f'"{name}"', text)
        self.assertEqual(sum(METRICS.values()), 52)


class Cloud(E2e):
    def test_provider_and_region_come_from_the_cloud_while_rows_flow(self):
        answers = {'/latest/api/token': 'secret', '/latest/dynamic/instance-identity/document': json.dumps({
            'region': 'ap-northeast-2', 'availabilityZone': 'ap-northeast-2a', 'instanceId': 'i-1', 'instanceType': 't3'})}

        class Metadata(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                time.sleep(0.3)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(answers[self.path].encode())
            do_PUT = do_GET

            def log_message(self, *args):
                pass
        metadata = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Metadata)
        self.addCleanup(metadata.server_close)
        self.addCleanup(metadata.shutdown)
        threading.Thread(target=metadata.serve_forever, daemon=True).start()
        server = Server(self)
        agent = Agent(self, server, server.key(self), '200ms', ['--metadata', f'127.0.0.1:{metadata.server_address[1]}'])

        def vm():
            vms = server.get_json('/api/v1/vms')['vms']
            return vms and (vms[0]['csp'], vms[0]['region'])
        wait_until(lambda: vm() == ('aws', 'ap-northeast-2'), 45, 'what the cloud says')
        self.assertIn('i-1', agent.log.read_text())
        agent.stop()
        server.stop()


class Restarts(E2e):
    def rows(self, server):
        return server.raw_rows('memory').get(('ns-1', 'mcis-1', 'vm-1'), [])

    def test_agent_restart(self):
        server = Server(self)
        key = server.key(self)
        for _ in range(2):
            agent = Agent(self, server, key)
            count = len(self.rows(server))
            wait_until(lambda: len(self.rows(server)) >= count + 2, what='rows of the agent')
            agent.stop()
        agent = Agent(self, server, key)
        count = len(self.rows(server))
        wait_until(lambda: len(self.rows(server)) >= count + 2, what='rows after the second restart')
        agent.kill9()
        agent = Agent(self, server, key)
        count = len(self.rows(server))
        wait_until(lambda: len(self.rows(server)) >= count + 2, what='rows after kill -9 of the agent')
        times = [t for t, _ in self.rows(server)]
        self.assertEqual(len(times), len(set(times)))
        self.check_identity(server)

    def test_server_restart_keeps_rows_and_the_agent_fills_the_gap(self):
        server = Server(self)
        agent = Agent(self, server, server.key(self))
        wait_until(lambda: len(self.rows(server)) >= 3, what='three rows')
        before = self.rows(server)
        server.stop()
        time.sleep(3)
        again = Server(self, data=server.data, udp=server.udp)
        kept = self.rows(again)
        self.assertEqual([row[0] for row in kept[:len(before)]], [row[0] for row in before])
        self.assertEqual(kept[:len(before)], before)
        down_until = time.time() * 1000

        def filled():  # The first tick comes at once after the start, off the grid of the others.
            times = [t for t, _ in self.rows(again)]
            return times[-1] > down_until and all(b - a == INTERVAL_S * 1000 for a, b in zip(times[1:], times[2:]))
        wait_until(filled, 30, 'the rows of the time in which the server was away')
        self.check_identity(again)
        agent.stop()
        again.stop()


if __name__ == '__main__':
    unittest.main()
