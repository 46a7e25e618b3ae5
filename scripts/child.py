"""Programs that a script starts and ends in its own order: for scripts/run and scripts/demo."""
import os
import re
import signal
import subprocess
import sys
import threading
import time

STOP_S = 20
SCRIPT = os.path.basename(sys.argv[0])


class Stop(Exception):
    """Somebody asked to stop."""


def stop_on_signals():
    """SIGINT and SIGTERM raise Stop, once."""
    def on_signal(_number, _frame):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Stop
    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)


def take_terminal():
    """Makes this process alone the terminal's foreground group, so that Ctrl-C reaches it and not `make` above it
    (which would end with an error of its own). Returns how to give the terminal back."""
    try:
        terminal = os.open('/dev/tty', os.O_RDWR | os.O_CLOEXEC)
        before = os.tcgetpgrp(terminal)
    except OSError:
        return lambda: None
    if before != os.getpgrp():  # In the background already.
        return lambda: None
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.setpgid(0, 0)
    os.tcsetpgrp(terminal, os.getpgrp())

    def give_back():
        try:
            os.tcsetpgrp(terminal, before)
        except OSError:
            pass
    return give_back


class Child:
    """A program in a session of its own, so that Ctrl-C reaches it only through stop(), in our order."""

    def __init__(self, name, command):
        self.name = name
        self.process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True,
                                        stdin=subprocess.DEVNULL, start_new_session=True)
        self.lines = []
        self.changed = threading.Condition()
        threading.Thread(target=self._pump, daemon=True).start()

    def _pump(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.rstrip('\n'))
                self.changed.notify_all()

    def wait_line(self, pattern, timeout_s):
        deadline = time.monotonic() + timeout_s
        with self.changed:
            while True:
                for line in self.lines:
                    match = re.search(pattern, line)
                    if match:
                        return match
                if self.process.poll() is not None:
                    sys.exit(f'{SCRIPT}: {self.name} ended with code {self.process.returncode}: ' + ' '.join(self.lines[-3:]))
                if time.monotonic() > deadline:
                    sys.exit(f'{SCRIPT}: {self.name} did not get ready within {timeout_s} s')
                self.changed.wait(0.1)

    def stop(self):
        """Returns the exit code; 0 is the only good one."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            print(f'{SCRIPT}: {self.name} did not stop within {STOP_S} s', file=sys.stderr)
            self.process.kill()
            return self.process.wait()
