"""cbmon top through a pseudo terminal: what it shows, its keys, and that it gives the terminal back on every way out."""
import fcntl
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import threading
import time
import unittest

from harness import BIN, E2e, Server, line_tags, now_ns, wait_until

ENTER, LEAVE = '\x1b[?1049h', '\x1b[?1049l'
COLOURS = re.compile(r'\x1b\[[0-9;]*m')


class Screen:
    """A program in a pseudo terminal; `text` is everything that it wrote."""

    def __init__(self, test, *args, width=80, height=24, env=None, wrap=()):
        self.master, self.slave = pty.openpty()
        self.resize(width, height, tell=False)
        self.before = termios.tcgetattr(self.slave)
        self.raw = b''
        self.lock = threading.Lock()
        self.process = subprocess.Popen([*wrap, str(BIN / 'cbmon'), *args], stdin=self.slave, stdout=self.slave,
                                        stderr=subprocess.PIPE, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0), cwd=test.folder,
                                        env={**os.environ, 'TERM': 'xterm', 'HOME': test.folder, **(env or {})})
        self.closing = False
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        test.addCleanup(self.close)

    def _read(self):
        while not self.closing:
            if not select.select([self.master], [], [], 0.05)[0]:
                continue
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return
            with self.lock:
                self.raw += data

    @property
    def text(self):
        with self.lock:
            return self.raw.decode(errors='replace')

    def frame(self):
        """The lines of the newest whole picture."""
        pictures = [part for part in self.text.split('\x1b[H')[1:] if '\x1b[J' in part]
        if not pictures:
            return []
        return [COLOURS.sub('', line).replace('\x1b[K', '') for line in pictures[-1].split('\x1b[J')[0].split('\r\n')]

    def wait_for(self, words, what=None):
        wait_until(lambda: any(words in line for line in self.frame()), what=f'"{words}" on the screen' + (what or ''))

    def press(self, keys):
        os.write(self.master, keys.encode())

    def resize(self, width, height, tell=True):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack('HHHH', height, width, 0, 0))
        if tell:
            self.process.send_signal(signal.SIGWINCH)

    def end(self):
        code = self.process.wait(10)
        wait_until(lambda: self.text.rfind(LEAVE) > self.text.rfind(ENTER), 5, 'the other screen is left')
        return code

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        self.closing = True
        self.reader.join()
        for file in (self.master, self.slave):
            try:
                os.close(file)
            except OSError:
                pass


class Top(E2e):
    def with_vms(self, count=3):
        server = Server(self)
        self.feed(server, count)
        return server

    @staticmethod
    def feed(server, count):
        now = now_ns()
        lines = []
        for i in range(count):
            for back in range(6):
                lines.append(f'cpu,{line_tags(vm=f"vm-{i:03d}")} cpu_idle={i + back / 10},cpu_user={20 - i / 100} '
                             f'{now - back * 10 * 10**9}')
        server.write('\n'.join(lines))

    def top(self, server, *args, **more):
        return Screen(self, '--server', server.url, 'top', *args, **more)

    def assert_given_back(self, screen):
        text = screen.text
        self.assertGreater(text.rfind(LEAVE), text.rfind(ENTER), 'the usual screen is shown again')
        self.assertGreater(text.rfind('\x1b[?25h'), text.rfind('\x1b[?25l'), 'the cursor is shown again')
        self.assertEqual(termios.tcgetattr(screen.slave), screen.before, 'the terminal is set as it was')

    def test_shows_the_highest_in_80_by_24(self):
        server = self.with_vms(40)
        screen = self.top(server, '--sort', 'cpu_idle')
        screen.wait_for('vm-039')
        frame = screen.frame()
        self.assertEqual(len(frame), 24)
        self.assertLessEqual(max(map(len, frame)), 80)
        self.assertIn('40 VMs', frame[0])
        self.assertIn('cpu_idle', frame[1])
        self.assertIn('vm-039', frame[3])
        wait_until(lambda: re.search('[▁▂▃▄▅▆▇█]', screen.frame()[3]), what='a course')
        screen.press('\x1b[F')  # End: the lowest comes into sight.
        screen.wait_for('vm-000')
        screen.press('r')
        screen.press('\x1b[H')
        wait_until(lambda: 'vm-000' in screen.frame()[3] and 'lowest' in screen.frame()[1], what='the lowest first')
        screen.press('\x1b[D')
        screen.wait_for('by cpu_system')
        screen.press('q')
        self.assertEqual(screen.end(), 0)
        self.assert_given_back(screen)

    def test_is_resized(self):
        server = self.with_vms()
        screen = self.top(server)
        screen.wait_for('vm-001')
        for width, height in ((120, 40), (40, 10), (12, 3), (1, 1), (80, 24)):
            screen.resize(width, height)
            wait_until(lambda: len(screen.frame()) == height and max(map(len, screen.frame())) <= width,
                       what=f'a picture of {width} x {height}')
        screen.wait_for('vm-001')
        screen.press('q')
        self.assertEqual(screen.end(), 0)
        self.assert_given_back(screen)

    def test_gives_the_terminal_back(self):
        server = self.with_vms()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGSEGV, signal.SIGABRT,
                       'q', '\x03'):
            with self.subTest(number=number):
                screen = self.top(server)
                screen.wait_for('vm-001')
                self.assertNotEqual(termios.tcgetattr(screen.slave), screen.before)
                is_key = isinstance(number, str)
                screen.press(number) if is_key else screen.process.send_signal(number)
                code = screen.end()
                crashed = number in (signal.SIGSEGV, signal.SIGABRT)
                self.assertEqual(code, -number if crashed else 0)
                self.assert_given_back(screen)

    def test_stops_and_goes_on(self):
        server = self.with_vms()
        screen = self.top(server)
        screen.wait_for('vm-001')
        for stop in (lambda: screen.press('\x1a'), lambda: screen.process.send_signal(signal.SIGTSTP)):
            stop()
            wait_until(lambda: os.waitpid(screen.process.pid, os.WNOHANG | os.WUNTRACED)[1] & 0xff == 0x7f,
                       what='it is stopped')
            wait_until(lambda: screen.text.endswith(LEAVE), what='the usual screen')
            self.assert_given_back(screen)
            shown = screen.text.count(ENTER)
            screen.process.send_signal(signal.SIGCONT)
            wait_until(lambda: screen.text.count(ENTER) > shown, what='the other screen')
            screen.wait_for('vm-001')
        screen.press('q')
        self.assertEqual(screen.end(), 0)
        self.assert_given_back(screen)

    def test_a_server_that_goes_and_comes(self):
        server = self.with_vms()
        screen = self.top(server, '--interval', '200ms')
        screen.wait_for('vm-001')
        data, http = server.data, server.http
        server.stop()
        screen.wait_for('does not answer')
        screen.wait_for('vm-001', ' still, as it was')
        server = Server(self, data=data, http=http)
        wait_until(lambda: screen.frame() and 'does not answer' not in ''.join(screen.frame()), what='answers again')
        screen.press('q')
        self.assertEqual(screen.end(), 0)

    def test_a_server_that_never_answers_holds_nobody_up(self):
        with socket.create_server(('127.0.0.1', 0)) as deaf:
            screen = Screen(self, '--server', 'http://127.0.0.1:%d' % deaf.getsockname()[1], 'top')
            screen.wait_for('asking')
            screen.press('m')
            screen.wait_for('by mem_utilization')
            start = time.monotonic()
            screen.press('q')
            self.assertEqual(screen.end(), 0)
            self.assertLess(time.monotonic() - start, 4)
            self.assert_given_back(screen)

    def test_a_terminal_that_goes_away(self):
        server = self.with_vms()
        screen = self.top(server)
        screen.wait_for('vm-001')
        screen.closing = True
        screen.reader.join()
        os.close(screen.master)
        os.close(screen.slave)
        self.assertIn(screen.process.wait(10), (0, -signal.SIGHUP))

    def test_without_a_terminal(self):
        server = self.with_vms()
        run = lambda *args: subprocess.run([str(BIN / 'cbmon'), '--server', server.url, 'top', '--sort', 'cpu_idle', *args],
                                           stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
        self.assertIn('vm-002', run().stdout)
        self.assertTrue(run('--output', 'csv').stdout.startswith('ns,mcis,vm,state,cpu_idle'))
        self.assertEqual(run('--sort', 'gpu').returncode, 2)
        dumb = Screen(self, '--server', server.url, 'top', env={'TERM': 'dumb'})
        self.assertEqual(dumb.process.wait(10), 0)
        wait_until(lambda: 'vm-001' in dumb.text, what='a table')
        self.assertNotIn(ENTER, dumb.text)


if __name__ == '__main__':
    unittest.main()
