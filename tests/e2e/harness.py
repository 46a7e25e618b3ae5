"""Real programs in temporary folders on port 0, started and stopped by process id.

DF_BIN names the folder of the programs (default: build/bin). Every program ends with its test; a server or agent that
does not exit with 0 on SIGTERM fails the test that started it.
"""
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get('DF_BIN', ROOT / 'build' / 'bin')).resolve()
START_S, STOP_S = 20, 20
METRICS = {'cpu': 19, 'memory': 14, 'disk': 10, 'network': 8, 'cpufreq': 1}  # Fields of each group; 52 in all.


def wait_until(condition, timeout_s=15, what='the condition', step_s=0.05):
    """Waits until condition() is true, and returns what it returned; fails with `what` otherwise."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f'{what} did not come within {timeout_s} s; last: {value!r}')
        time.sleep(step_s)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f'{self.status} {self.body[:300]!r}'


class Process:
    """A program with its standard output read line by line and its standard error in a file."""

    def __init__(self, test, name, args, log_name=None, wrap=(), program=None):
        self.name = name
        self.log = pathlib.Path(test.folder, f'{log_name or name}-{test.next_number()}.log')
        self.args = [*wrap, str(program or BIN / name), *map(str, args)]
        self.lines = []
        self.changed = threading.Condition()
        with open(self.log, 'wb') as log:
            self.process = subprocess.Popen(self.args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                                            cwd=test.folder, start_new_session=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        test.addCleanup(self.kill9)

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.decode(errors='replace').rstrip('\n'))
                self.changed.notify_all()
        self.process.stdout.close()

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process.poll() is None

    def trouble(self, what):
        tail = self.log.read_text(errors='replace')[-2000:]
        return AssertionError(f'{" ".join(self.args)}: {what}; output {self.lines[-5:]}; log:\n{tail}')

    def wait_line(self, pattern, timeout_s=START_S):
        deadline = time.monotonic() + timeout_s
        with self.changed:
            while True:
                for line in self.lines:
                    match = re.search(pattern, line)
                    if match:
                        return match
                if not self.alive() and not self.reader.is_alive():
                    raise self.trouble(f'ended with {self.process.returncode} without "{pattern}"')
                if time.monotonic() > deadline:
                    raise self.trouble(f'no "{pattern}" within {timeout_s} s')
                self.changed.wait(0.05)

    def wait_exit(self, timeout_s=STOP_S):
        try:
            code = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise self.trouble(f'did not end within {timeout_s} s') from None
        self.reader.join(5)
        return code

    def stop(self, number=signal.SIGTERM):
        """Ends it and expects exit code 0."""
        if not self.alive():
            raise self.trouble(f'had ended by itself with {self.process.returncode}')
        self.process.send_signal(number)
        code = self.wait_exit()
        if code != 0:
            raise self.trouble(f'exit code {code} after {signal.Signals(number).name}')

    def kill9(self):
        if self.alive():
            self.process.kill()
        self.process.wait()
        self.reader.join(5)


class Server(Process):
    """cb-dragonfly; `data` is kept between starts of the same folder. `tls`: it is expected to speak TLS."""

    def __init__(self, test, data=None, args=(), http='127.0.0.1:0', udp='127.0.0.1:0', ready=True, tls=False, wrap=()):
        self.trust, self.token = None, None  # The context of TLS; who asks.
        self.data = pathlib.Path(data or tempfile.mkdtemp(prefix='data-', dir=test.folder))
        super().__init__(test, 'cb-dragonfly', ['--data-dir', self.data, '--http', http, '--udp', udp, *args], wrap=wrap)
        if not ready:
            return
        self.http, self.udp = self.wait_line(r'^listening http=(\S+) udp=(\S+)').groups()
        self.url = f'http://{self.http}'
        if tls:
            self.url = f'https://{self.http}'
            self.authority = self.data / 'tls' / 'ca.crt'
            self.trust = ssl.create_default_context(cafile=self.authority) if self.authority.exists() else None
        self.udp_address = (self.udp.rpartition(':')[0], int(self.udp.rpartition(':')[2]))
        wait_until(lambda: self.alive() and self.try_get('/healthcheck') == 204, START_S, 'GET /healthcheck = 204')

    def try_get(self, path):
        try:
            return self.get(path).status
        except OSError:
            return None

    def request(self, method, path, body=None, headers=None, timeout_s=20):
        host, _, port = self.http.rpartition(':')
        host = {'0.0.0.0': '127.0.0.1', '[::]': '::1'}.get(host, host.strip('[]'))
        connection = (http.client.HTTPSConnection(host, int(port), timeout=timeout_s, context=self.trust) if self.trust
                      else http.client.HTTPConnection(host, int(port), timeout=timeout_s))
        headers = dict(headers or {})
        if self.token:
            headers.setdefault('Authorization', f'Bearer {self.token}')
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def get(self, path, **query):
        if query:
            path += '?' + urllib.parse.urlencode({key.rstrip('_'): value for key, value in query.items()})
        return self.request('GET', path)

    def get_json(self, path, **query):
        answer = self.get(path, **query)
        if answer.status != 200:
            raise AssertionError(f'GET {path} {query}: {answer!r}')
        return answer.json

    def post(self, path, body, headers=None):
        return self.request('POST', path, body if isinstance(body, bytes) else body.encode(), headers)

    def write(self, lines, **query):
        """POST /write; expects 204."""
        answer = self.post('/write?' + urllib.parse.urlencode({'db': 'cbmon', **query}), lines)
        if answer.status != 204:
            raise AssertionError(f'POST /write: {answer!r}')

    def send_udp(self, data):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(data if isinstance(data, bytes) else data.encode(), self.udp_address)

    def metrics(self):
        """{'name': value, 'name{label="x"}': value} of GET /metrics."""
        out = {}
        for line in self.get('/metrics').text.splitlines():
            if line and not line.startswith('#'):
                name, _, value = line.rpartition(' ')
                out[name] = float(value)
        return out

    def metric_sum(self, name, metrics=None):
        """Sum over all labels of one family."""
        metrics = metrics if metrics is not None else self.metrics()
        return sum(value for key, value in metrics.items() if key == name or key.startswith(name + '{'))

    def refused_datagrams(self):
        metrics = self.metrics()
        return sum(self.metric_sum(name, metrics)
                   for name in ('dragonfly_datagrams_malformed_total', 'dragonfly_frames_dropped_total'))

    def raw_rows(self, group, whole=True, **query):
        """{(labels' ns, mcis, vm): [(time in ms, {column: value}), …]} of GET /api/v1/query without a step."""
        query.setdefault('start', '-1h')
        out = {}
        answer = self.get_json('/api/v1/query', group=group, epoch='ms', **query)
        if whole and answer.get('missing'):
            raise AssertionError(f'rows of {group} {query} are missing: {answer["missing"]}')
        for series in answer['series']:
            labels, columns = series['labels'], series['columns']
            key = (labels.get('ns'), labels.get('mcis'), labels.get('vm'))
            rows = out.setdefault(key, [])
            rows.extend((row[0], dict(zip(columns[1:], row[1:]))) for row in series['values'])
        return out

    def key(self, test, vm='vm-1', ns='ns-1', mcis='mcis-1', count=None):
        """A new key file for an agent (or for `count` agents named vm + number)."""
        path = pathlib.Path(test.folder, f'key-{test.next_number()}')
        names = ['--vm', vm] if count is None else ['--count', str(count), '--prefix', vm]
        subprocess.run([str(BIN / 'cb-dragonfly'), 'agent-key', 'new', '--data-dir', str(self.data), '--ns', ns, '--mcis',
                        mcis, *names, '--out', str(path)], check=True, stdout=subprocess.DEVNULL, timeout=30)
        return path


class Agent(Process):
    """`wrap`: what comes before the program on the command line; `program`: another build of it."""

    def __init__(self, test, server, key, interval='1s', args=(), wrap=(), program=None):
        super().__init__(test, 'cb-agent', ['--server', server.udp, '--key', key, '--interval', interval, *args],
                         wrap=wrap, program=program)


class Shooter(Process):
    def __init__(self, test, server, agents=10, interval='1s', duration='5s', args=(), keys=None):
        self.report_path = pathlib.Path(test.folder, f'report-{test.next_number()}.json')
        sealed = ['--format', 'sealed', '--keys', keys] if keys else []
        given = [word for option, value in (('--agents', agents), ('--interval', interval), ('--duration', duration))
                 if value is not None for word in (option, value)]
        super().__init__(test, 'udp-shooter', ['--target', server.udp, *given, '--report', self.report_path, *sealed, *args])

    def report(self, timeout_s=90):
        code = self.wait_exit(timeout_s)
        if code != 0:
            raise self.trouble(f'exit code {code}')
        return json.loads(self.report_path.read_text())


class E2e(unittest.TestCase):
    """A test with a folder of its own."""

    maxDiff = 4000

    def setUp(self):
        self._number = 0
        holder = tempfile.TemporaryDirectory(prefix='dragonfly-')
        self.folder = holder.name
        self.addCleanup(holder.cleanup)

    def next_number(self):
        self._number += 1
        return self._number

    def check_identity(self, server):
        """Rows received = stored + duplicate + refused + dropped + pending."""
        metrics = server.metrics()
        received = server.metric_sum('dragonfly_rows_received_total', metrics)
        parts = {name: server.metric_sum(f'dragonfly_rows_{name}', metrics)
                 for name in ('stored_total', 'duplicate_total', 'refused_total', 'dropped_total', 'pending')}
        self.assertEqual(received, sum(parts.values()), f'received {received} != {parts}')
        return parts


def vm_path(ns='ns-1', mcis='mcis-1', vm='vm-1', group='mcis'):
    return f'/dragonfly/ns/{ns}/{group}/{mcis}/vm/{vm}'


def line_tags(ns='ns-1', mcis='mcis-1', vm='vm-1'):
    return f'nsId={ns},mcisId={mcis},vmId={vm}'


def now_ns():
    return time.time_ns()
