"""The stores of the comparison: how each is started, filled, asked, and brought to rest. Questions return what they found
in one form: {(series, bucket start in s, field): value}."""
import json
import pathlib
import subprocess
import time
import urllib.parse

from process import Http, Program, folder_bytes, free_ports

FIELDS = {
    'cpu': ('cpu_utilization cpu_system cpu_idle cpu_iowait cpu_hintr cpu_sintr cpu_user cpu_nice cpu_steal cpu_guest '
            'cpu_guest_nice cpu_num uptime load_avg_1m load_avg_5m load_avg_15m user_num proc_run proc_num').split(),
    'memory': ('mem_utilization mem_total mem_used mem_free mem_shared mem_buffers mem_cached swap_utilization swap_used '
               'swap_free swap_in swap_out page_in page_out').split(),
    'disk': ('disk_utilization disk_total disk_used disk_free kb_read kb_written ops_read ops_write read_time '
             'write_time').split(),
    'network': 'bytes_in bytes_out pkts_in pkts_out err_in err_out drop_in drop_out'.split(),
    'cpufreq': ['cpu_speed'],
}
COUNTERS = set('swap_in swap_out page_in page_out kb_read kb_written ops_read ops_write read_time write_time '
               'bytes_in bytes_out pkts_in pkts_out err_in err_out drop_in drop_out'.split())
ALL_FIELDS = [field for fields in FIELDS.values() for field in fields]
ONE_FIELD = 'cpu_utilization'
QUIET_S, REST_MAX_S, BUSY_S = 20, 900, 0.1


def query_string(**values):
    return urllib.parse.urlencode(values)


class Store:
    """One server with an empty data directory."""
    name = ''

    def __init__(self, folder, bench):
        self.folder, self.bench = pathlib.Path(folder), bench
        self.folder.mkdir(parents=True)
        self.data = self.folder / 'data'
        self.log = self.folder / 'log'

    def load(self, extra):
        """Fills it, and returns the load's own report."""
        args = [self.bench.load_program, '--set', self.bench.set, '--scale', self.bench.scale, '--end-ms',
                self.bench.end_s * 1000, *extra]
        if self.bench.full_doubles:
            args.append('--full-doubles')
        done = subprocess.run([str(arg) for arg in args], stdout=subprocess.PIPE, check=False)
        self.program.check()
        if done.returncode != 0:
            raise RuntimeError(f'{self.name}: the load failed')
        return json.loads(done.stdout)

    def rest(self):
        """Waits until everything is written and merged: the directory and the CPU have been still for a while."""
        deadline = time.monotonic() + REST_MAX_S
        still_since, size, spent = time.monotonic(), folder_bytes(self.data), self.program.cpu_s()
        while time.monotonic() < min(still_since + self.quiet_s(), deadline):
            time.sleep(1)
            now_size, now_spent = folder_bytes(self.data), self.program.cpu_s()
            # What a server writes and does for itself, its own figures and clean-ups, is less than that.
            if abs(now_size - size) > max(4096, size // 500) or now_spent - spent > BUSY_S:
                still_since, size = time.monotonic(), now_size
            spent = now_spent

    def quiet_s(self):
        return QUIET_S

    def disk(self):
        """Bytes of parts of the directory that are worth a figure of their own."""
        return {}

    def stop(self):
        self.program.stop()


class InfluxDb(Store):
    name = 'influxdb'

    def start(self):
        self.port, rpc = free_ports(2)
        config = self.folder / 'influx.conf'
        # As the package sets it, but that what is in memory and what is small is written and merged soon after the end.
        config.write_text(f'''reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{self.data}/meta"
[data]
  dir = "{self.data}/data"
  wal-dir = "{self.data}/wal"
  cache-snapshot-write-cold-duration = "10s"
  compact-full-write-cold-duration = "10s"
[http]
  bind-address = "127.0.0.1:{self.port}"
  log-enabled = false
[monitor]
  store-enabled = false
''')
        self.program = Program(['influxd', 'run', '-config', config], self.log)
        self.http = Http(self.port)
        self.http.wait_ready('/ping', self.program)
        status, body = self.http.request('POST', '/query?' + query_string(q='CREATE DATABASE bench'))
        if status != 200:
            raise RuntimeError(f'influxdb: CREATE DATABASE: {body!r}')

    def fill(self):
        return self.load(['--http', f'127.0.0.1:{self.port}', '--target', '/write?db=bench&precision=ms'])

    def quiet_s(self):
        return 30  # Its merging looks around every few seconds, and after 10 s of silence.

    def select(self, text):
        return '/query?' + query_string(db='bench', epoch='ms', q=text)

    def rows(self, body):
        for result in json.loads(body)['results']:
            if 'error' in result:
                raise RuntimeError(f'influxdb: {result["error"]}')
            for series in result.get('series', []):
                for values in series['values']:
                    yield series, dict(zip(series['columns'], values))

    def span(self, start_s, end_s):
        return f'time >= {start_s}s AND time < {end_s}s'

    def count(self):
        total = 0
        for group in FIELDS:
            for _, row in self.rows(self.http.get(self.select(f'SELECT count(*) FROM {group}'))):
                total += sum(value for name, value in row.items() if name != 'time')
        return total

    def one_vm(self, vm, start_s, end_s):
        fields = ', '.join(f'mean({field}) AS {field}' for field in FIELDS['cpu'])
        return self.select(f"SELECT {fields} FROM cpu WHERE vmId = '{vm}' AND {self.span(start_s, end_s)} "
                           'GROUP BY time(1m) fill(none)')

    def group(self, mcis, start_s, end_s):
        return self.select(f"SELECT mean({ONE_FIELD}) AS {ONE_FIELD} FROM cpu WHERE mcisId = '{mcis}' AND "
                           f'{self.span(start_s, end_s)} GROUP BY time(1m), vmId fill(none)')

    def read_buckets(self, body, vm=None):
        out = {}
        for series, row in self.rows(body):
            at = row.pop('time') // 1000
            for field, value in row.items():
                if value is not None:
                    out[vm or series['tags']['vmId'], at, field] = value
        return out

    def top(self, start_s, end_s):
        return self.select(f'SELECT top(m, vmId, 10) AS m FROM (SELECT mean({ONE_FIELD}) AS m FROM cpu WHERE '
                           f'{self.span(start_s, end_s)} GROUP BY vmId)')

    def read_top(self, body):
        return {(row['vmId'], 0, ONE_FIELD): row['m'] for _, row in self.rows(body)}

    def last(self, vm, start_s, end_s):
        return self.select(f"SELECT last(*) FROM {', '.join(FIELDS)} WHERE vmId = '{vm}' AND {self.span(start_s, end_s)}")

    def read_last(self, body):
        return {('', 0, name.removeprefix('last_')): value for _, row in self.rows(body) for name, value in row.items()
                if name != 'time' and value is not None}


class VictoriaMetrics(Store):
    name = 'victoria-metrics'

    def start(self):
        self.port, = free_ports(1)
        self.program = Program(['victoria-metrics', f'-storageDataPath={self.data}', f'-httpListenAddr=127.0.0.1:{self.port}',
                                '-retentionPeriod=100y', '-search.latencyOffset=0s', '-loggerLevel=WARN'], self.log)
        self.http = Http(self.port)
        self.http.wait_ready('/health', self.program)

    def fill(self):
        report = self.load(['--http', f'127.0.0.1:{self.port}', '--target', '/write?precision=ms'])
        return report

    def rest(self):
        self.http.get('/internal/force_flush')
        self.http.get('/internal/force_merge')
        super().rest()

    def count(self):
        total = 0
        span = self.bench.end_s - self.bench.start_s
        for group, fields in FIELDS.items():
            for field in fields:
                query = f'sum(count_over_time({group}_{field}[{span}s]))'
                body = self.http.get('/api/v1/query?' + query_string(query=query, time=self.bench.end_s, nocache=1))
                for series in json.loads(body)['data']['result']:
                    total += int(series['value'][1])
        return total

    def range_query(self, query, start_s, end_s):
        # The window of a minute ends at its time; the others' buckets are named by their start.
        return '/api/v1/query_range?' + query_string(query=query, start=start_s + 60, end=end_s, step='1m', nocache=1)

    def one_vm(self, vm, start_s, end_s):
        return self.range_query(f'avg_over_time({{__name__=~"cpu_.+",vmId="{vm}"}}[1m]) keep_metric_names', start_s, end_s)

    def group(self, mcis, start_s, end_s):
        return self.range_query(f'avg_over_time(cpu_{ONE_FIELD}{{mcisId="{mcis}"}}[1m])', start_s, end_s)

    def results(self, body):
        answer = json.loads(body)
        if answer['status'] != 'success' or answer.get('isPartial'):
            raise RuntimeError(f'victoria-metrics: {body[:500]!r}')
        return answer['data']['result']

    def field_of(self, series):
        name = series['metric'].get('__name__')
        return name.partition('_')[2] if name else ONE_FIELD

    def read_buckets(self, body, vm=None):
        return {(vm or series['metric']['vmId'], int(at) - 60, self.field_of(series)): float(value)
                for series in self.results(body) for at, value in series['values']}

    def top(self, start_s, end_s):
        query = f'topk(10, avg_over_time(cpu_{ONE_FIELD}[{end_s - start_s}s]))'
        return '/api/v1/query?' + query_string(query=query, time=end_s, nocache=1)

    def read_top(self, body):
        return {(series['metric']['vmId'], 0, ONE_FIELD): float(series['value'][1]) for series in self.results(body)}

    def last(self, vm, start_s, end_s):
        query = f'last_over_time({{vmId="{vm}"}}[{end_s - start_s}s]) keep_metric_names'
        return '/api/v1/query?' + query_string(query=query, time=end_s, nocache=1)

    def read_last(self, body):
        return {('', 0, self.field_of(series)): float(series['value'][1]) for series in self.results(body)}


class Dragonfly(Store):
    """Ours, filled with Influx lines over HTTP."""
    name = 'dragonfly lines'
    receive_buffer = 64 << 20  # As packages set it up.
    whole = '3650d'            # A step that has the whole range in one bucket.

    def start(self):
        """Hours that are over are merged at once, not after minutes, as the peers are told to."""
        self.keys()
        self.program = Program([self.bench.server_program, '--data-dir', self.data, '--http', '127.0.0.1:0', '--udp',
                                '127.0.0.1:0', '--set', f'ingest.receive_buffer={self.receive_buffer}',
                                '--set', 'store.merge_after=1s'], self.log)
        line = self.program.process.stdout.readline().decode()
        self.program.check()
        http, udp = (part.partition('=')[2] for part in line.split()[1:3])
        self.port, self.udp = int(http.rpartition(':')[2]), udp
        self.http = Http(self.port)
        self.http.wait_ready('/healthcheck', self.program)

    def keys(self):
        pass

    def fill(self):
        return self.load(['--http', f'127.0.0.1:{self.port}', '--target', '/write?db=cbmon&precision=ms'])

    def quiet_s(self):
        return 45  # A checkpoint every 30 s writes what is sealed and cuts the log.

    def select(self, start_s, end_s, step, statistic, **more):
        return '/api/v1/query?' + query_string(start=start_s, end=end_s, step=step, statistic=statistic, epoch='ms', **more)

    def series(self, body):
        answer = json.loads(body)
        if answer.get('missing'):
            raise RuntimeError(f'dragonfly: parts are missing: {answer["missing"]}')
        return answer['series']

    def count(self):
        total = 0
        for group in FIELDS:
            body = self.http.get(self.select(self.bench.start_s, self.bench.end_s, self.whole, 'count', group=group))
            for series in self.series(body):
                total += sum(sum(value for value in row[1:] if value is not None) for row in series['values'])
                # A counter is answered as a rate, which its first row has none of.
                total += sum(field in COUNTERS for field in series['columns'])
        return int(total)

    def one_vm(self, vm, start_s, end_s):
        return self.select(start_s, end_s, '1m', 'avg', group='cpu', vm=vm)

    def group(self, mcis, start_s, end_s):
        return self.select(start_s, end_s, '1m', 'avg', metric=ONE_FIELD, mcis=mcis)

    def read_buckets(self, body, vm=None):
        out = {}
        for series in self.series(body):
            for row in series['values']:
                for field, value in zip(series['columns'][1:], row[1:]):
                    if value is not None:
                        out[vm or series['labels']['vm'], row[0] // 1000, field] = value
        return out

    def top(self, start_s, end_s):
        return self.select(start_s, end_s, self.whole, 'avg', metric=ONE_FIELD, top=10)

    def read_top(self, body):
        return {(vm, 0, field): value for (vm, _, field), value in self.read_buckets(body).items()}

    def last(self, vm, start_s, end_s):
        return self.select(start_s, end_s, self.whole, 'last', metric=','.join(ALL_FIELDS), vm=vm)

    def read_last(self, body):
        return {('', 0, field): value for (_, _, field), value in self.read_buckets(body).items()}

    def disk(self):
        out = {}
        for line in self.http.get('/metrics').decode().splitlines():
            if line.startswith('dragonfly_store_bytes{'):
                out[line.partition('tier="')[2].partition('"')[0]] = int(float(line.split()[1]))
        return out


    def stop(self):
        """Also the present hour is merged, and the log removed."""
        super().stop()
        subprocess.run([str(self.bench.server_program), 'merge', '--data-dir', str(self.data)], check=True,
                       stdout=subprocess.DEVNULL)


class DragonflyNative(Dragonfly):
    """Ours, filled with sealed frames of one tick each, as live agents send them."""
    name = 'dragonfly frames'
    ticks_per_frame = 1

    def keys(self):
        key_file = self.folder / 'keys'
        with open(key_file, 'wb') as out:
            for mcis in range(1, (self.bench.vms + 99) // 100 + 1):
                count = min(100, self.bench.vms - (mcis - 1) * 100)
                one = self.folder / 'keys.mcis'
                subprocess.run([str(self.bench.server_program), 'agent-key', 'new', '--data-dir', str(self.data), '--ns',
                                'ns-1', '--mcis', f'mcis-{mcis}', '--count', str(count), '--prefix', f'vm-{mcis}-', '--out',
                                str(one)], check=True, stdout=subprocess.DEVNULL)
                out.write(one.read_bytes())
                one.unlink()

    def fill(self):
        return self.load(['--udp', self.udp, '--keys', self.folder / 'keys', '--ticks-per-frame', self.ticks_per_frame])


class DragonflyBackfill(DragonflyNative):
    """Ours, filled with sealed frames of as many ticks as fit, as agents send them after an outage."""
    name = 'dragonfly backfill'
    ticks_per_frame = 0


PEERS = {'influxdb': InfluxDb, 'victoria-metrics': VictoriaMetrics}
OURS = {'lines': Dragonfly, 'frames': DragonflyNative, 'backfill': DragonflyBackfill}
