"""`make run` as a user meets it, the page in a browser, and the commands of the README."""
import os
import pathlib
import re
import shlex
import signal
import socket
import subprocess
import time
import unittest

import browser
from harness import BIN, ROOT, Agent, E2e, Server, vm_path, wait_until


class Run(E2e):
    def start(self):
        self.output = pathlib.Path(self.folder, f'run-{self.next_number()}.txt')
        with open(self.output, 'wb') as out:
            process = subprocess.Popen([str(ROOT / 'scripts' / 'run'), '--bin', str(BIN), '--dir', self.folder],
                                       stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)

        def end():
            if process.poll() is None:
                process.terminate()
                process.wait(30)
        self.addCleanup(end)
        wait_until(lambda: 'Ctrl-C' in self.output.read_text() or process.poll() is not None, 30, 'the page address')
        self.assertIsNone(process.poll(), self.output.read_text())
        return process

    def children_of(self, process):
        out = {}
        for entry in pathlib.Path('/proc').iterdir():
            try:
                parent = int(re.search(r'\)\s\S (\d+)', (entry / 'stat').read_text()).group(1)) if entry.name.isdigit() else 0
                if parent == process.pid:
                    out[(entry / 'comm').read_text().strip()] = int(entry.name)
            except OSError:
                continue
        return out

    def stop(self, process, number):
        children = self.children_of(process)
        self.assertEqual(set(children), {'cb-dragonfly', 'cb-agent'})
        process.send_signal(number)
        self.assertEqual(process.wait(30), 0, self.output.read_text())
        for name, pid in children.items():
            self.assertFalse(os.path.exists(f'/proc/{pid}'), f'{name} still runs')

    def test_first_value_within_5_s_and_the_printed_commands_work(self):
        started = time.monotonic()
        process = self.start()
        self.assertLess(time.monotonic() - started, 5)
        text = self.output.read_text()
        page, curl, cbmon = (re.search(rf'^  {name} +(.*)$', text, re.M).group(1) for name in ('page', 'curl', 'cbmon'))
        self.assertRegex(page, r'^http://127\.0\.0\.1:\d+/$')
        self.assertIn('cpu_utilization', subprocess.run(curl, shell=True, capture_output=True, text=True, timeout=20).stdout)
        done = subprocess.run(cbmon, shell=True, capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, 0, f'{cbmon}: {done.stderr}')
        self.assertIn('cpu_utilization', done.stdout)
        self.stop(process, signal.SIGINT)
        again = self.start()  # Same data, same key.
        self.stop(again, signal.SIGTERM)

    def test_taken_ports_are_passed_over(self):
        held = []
        for kind, port in ((socket.SOCK_STREAM, 9090), (socket.SOCK_DGRAM, 8094)):
            holder = socket.socket(socket.AF_INET, kind)
            self.addCleanup(holder.close)
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # Past connections in TIME_WAIT hold it for nobody.
            try:
                holder.bind(('127.0.0.1', port))
                if kind == socket.SOCK_STREAM:
                    holder.listen()
            except OSError:
                pass  # Somebody else holds it: just as good.
            held.append(port)
        process = self.start()
        page = re.search(r'http://127\.0\.0\.1:(\d+)/', self.output.read_text()).group(1)
        self.assertNotIn(int(page), held)
        self.stop(process, signal.SIGINT)


class Page(E2e):
    def test_page_loads_and_is_safe(self):
        server = Server(self)
        answer = server.get('/')
        self.assertEqual(answer.status, 200)
        self.assertTrue(answer.headers['Content-Type'].startswith('text/html'))
        self.assertIn("default-src 'self'", answer.headers.get('Content-Security-Policy', ''))
        self.assertEqual(answer.headers.get('X-Content-Type-Options'), 'nosniff')
        for target in re.findall(r'(?:src|href)="([^"#]+)"', answer.text):
            if not target.startswith('data:'):
                self.assertFalse(re.match(r'^(https?:)?//', target), f'{target} is on another host')
                self.assertEqual(server.get('/' + target.lstrip('./')).status, 200, target)

    def test_live_values_in_a_browser(self):
        if name := browser.missing():
            self.skipTest(f'{name} is not installed')
        server = Server(self)
        agent = Agent(self, server, server.key(self))
        wait_until(lambda: server.try_get(vm_path() + '/metric/cpu/rt-info') == 200, what='a first row')
        page = browser.Browser(self)
        page.open(server.url + '/')
        page.wait_script("return document.body.innerText.includes('vm-1')")
        cell = "document.querySelector('[data-metric=\"%s\"]')"
        for name in ('cpu_utilization', 'mem_total', 'disk_total', 'bytes_in'):
            page.wait_script(f"const c = {cell % name}; return c !== null && /[0-9]/.test(c.innerText)")
        total_gib = int(open('/proc/meminfo').readline().split()[1]) / 1024 / 1024
        self.assertRegex(page.script(f"return {cell % 'mem_total'}.innerText"), rf'{total_gib:.1f}|{total_gib:.2f}|{total_gib:.0f}')
        course = "return document.querySelector('[data-metric=\"uptime\"] polyline').getAttribute('points')"
        before = page.script(course)
        page.wait_script(f"{course} !== {before!r}")  # It is live.
        agent.stop()


    def test_the_page_of_the_api_in_a_browser(self):
        if name := browser.missing():
            self.skipTest(f'{name} is not installed')
        server = Server(self)
        document = server.get_json('/api/openapi.json')
        operations = sum(len(methods) for methods in document['paths'].values())
        page = browser.Browser(self)
        page.open(server.url + '/api')
        page.wait_script(f"return document.querySelectorAll('details').length === {operations}")
        self.assertIn(document['info']['description'].split('.')[0], page.text())
        shown = "return [...document.querySelectorAll('details')].filter(one => !one.hidden).length"
        page.script("const find = document.getElementById('find'); find.value = 'rt-info'; "
                    "find.dispatchEvent(new Event('input'))")
        found = page.script(shown)
        self.assertGreater(found, 0)
        self.assertLess(found, operations)
        page.script("document.querySelector('details:not([hidden])').open = true")
        self.assertIn('statisticsCriteria', page.text())
        sources = page.script("return performance.getEntriesByType('resource').map(one => one.name)")
        self.assertGreater(len(sources), 2)
        for source in sources:
            self.assertTrue(source.startswith(server.url), f'{source} is not this server')


class Readme(E2e):
    def test_commands_run(self):
        """Every `sh run` block of the README: the lines after `$ `, in an own folder, against a server and an agent."""
        text = (ROOT / 'README.md').read_text()
        blocks = re.findall(r'```sh run\n(.*?)```', text, re.S)
        self.assertTrue(blocks)
        server = Server(self)
        agent = Agent(self, server, server.key(self, vm='vm-1', ns='default', mcis='local'))
        wait_until(lambda: server.try_get('/mon/mcis/local/vm/vm-1/metric/cpu/rt-info') in (200, 404) and
                   server.raw_rows('cpu'), what='a first row')
        commands = [line for block in blocks for line in block.replace('\\\n', ' ').splitlines() if line.strip()]
        for command in commands:
            with self.subTest(command=command):
                local = command.replace('http://127.0.0.1:9090', server.url).replace('127.0.0.1:8094', server.udp)
                local = local.replace('build/bin/', shlex.quote(str(BIN)) + '/').replace('--data-dir data', f'--data-dir {server.data}')
                local = local.replace('scripts/demo', f'{shlex.quote(str(ROOT))}/scripts/demo --bin {shlex.quote(str(BIN))}')
                done = subprocess.run(['bash', '-euo', 'pipefail', '-c', local], cwd=self.folder, capture_output=True, text=True,
                                      timeout=60)
                self.assertEqual(done.returncode, 0, f'{local}\n{done.stdout}\n{done.stderr}')
        agent.stop()


if __name__ == '__main__':
    unittest.main()
