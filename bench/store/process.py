"""Programs under measurement: started on free ports, watched by process id, stopped by it."""
import http.client
import os
import pathlib
import signal
import socket
import subprocess
import time

TICKS_PER_S = os.sysconf('SC_CLK_TCK')
START_S, STOP_S = 30, 300


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(('127.0.0.1', 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def folder_bytes(folder):
    """What files of the folder take: their length, without holes."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                status = os.stat(os.path.join(path, name))
            except FileNotFoundError:  # Merged away meanwhile.
                continue
            total += min(status.st_size, status.st_blocks * 512)
    return total


class Program:
    def __init__(self, args, log):
        with open(log, 'ab') as out:
            self.process = subprocess.Popen([str(arg) for arg in args], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.PIPE, stderr=out, start_new_session=True)
        self.args, self.log = args, log

    @property
    def pid(self):
        return self.process.pid

    def check(self):
        if self.process.poll() is not None:
            tail = pathlib.Path(self.log).read_text(errors='replace')[-2000:]
            raise RuntimeError(f'{self.args[0]} ended with {self.process.returncode}:\n{tail}')

    def cpu_s(self):
        """User and system seconds since its start, of threads that ended, too."""
        fields = pathlib.Path(f'/proc/{self.pid}/stat').read_text().rpartition(')')[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S

    def cpu_of_threads_s(self):
        """To the ns, of the threads that live: for what takes less than a tick of the clock."""
        total = 0
        for task in pathlib.Path(f'/proc/{self.pid}/task').iterdir():
            try:
                total += int((task / 'schedstat').read_text().split()[0])
            except OSError:
                pass
        return total / 1e9

    def status_mib(self, name):
        for line in pathlib.Path(f'/proc/{self.pid}/status').read_text().splitlines():
            if line.startswith(name + ':'):
                return int(line.split()[1]) / 1024
        return 0.0

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise RuntimeError(f'{self.args[0]} did not end within {STOP_S} s') from None
        self.process.stdout.close()


class Http:
    """One kept connection."""

    def __init__(self, port):
        self.port, self.connection = port, None

    def request(self, method, target, body=None, headers=None):
        for retry in (False, True):
            if self.connection is None:
                self.connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=600)
                self.connection.connect()
                self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                self.connection.request(method, target, body, headers or {})
                answer = self.connection.getresponse()
                return answer.status, answer.read()
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                self.connection = None
                if retry:
                    raise

    def get(self, target):
        status, body = self.request('GET', target)
        if status not in (200, 204):
            raise RuntimeError(f'GET {target[:300]}: status {status}: {body[:500]!r}')
        return body

    def wait_ready(self, target, program):
        deadline = time.monotonic() + START_S
        while True:
            program.check()
            try:
                return self.get(target)
            except (OSError, RuntimeError, http.client.HTTPException):
                self.connection = None
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
