"""What is exported comes back as it was: cb-dragonfly export and import."""
import json
import pathlib
import re
import signal
import subprocess
import time
import unittest

from harness import BIN, Agent, E2e, Server, Shooter, line_tags, vm_path, wait_until


class ExportAndImport(E2e):
    def command(self, *args, want=0):
        done = subprocess.run([str(BIN / 'cb-dragonfly'), *map(str, args)], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=120)
        self.assertEqual(done.returncode, want, done.stdout)
        return done.stdout

    def path(self, name):
        return pathlib.Path(self.folder, name)

    def export(self, data, name, *args, want=0):
        self.command('export', '--data-dir', data, '--to', self.path(name), *args, want=want)
        return self.path(name).read_text()

    def test_a_round_trip_changes_nothing(self):
        server = Server(self)
        agent = Agent(self, server, server.key(self), '500ms')  # Devices, boots, all 52 metrics.
        wait_until(lambda: server.try_get(vm_path() + '/metric/cpu/rt-info') == 200, what='a first row')
        now = int(time.time()) - 7200
        server.write('\n'.join(
            [f'disk,{line_tags(vm="by-line")},device=sd{d} used={d + i},free=10 {(now + i) * 10**9}'
             for i in range(3) for d in (1, 2)] +
            [f'cpu,{line_tags(vm="by-line")} usage_idle={i}.125 {(now + i) * 10**9 + 7}' for i in range(5)] +
            [f'web\\ shop,{line_tags(vm="by-line")},path=/a\\ b\\,c,host\\=x=y hits={i}i,left={i}u,load={i}.0,up=true '
             f'{(now + i) * 10**9}' for i in range(5)] +
            [f'web\\ shop,{line_tags(ns="ns-2")} load=1e-300 {now * 10**9}']))
        report = Shooter(self, server, 20, '200ms', '3s', keys=server.key(self, 'vm-', mcis='load', count=20)).report()
        self.assertEqual(report['lost'], 0)
        agent.stop()
        online = self.export(server.data, 'online')
        names = [re.sub(r'(?<!\\) .* ', ' ', line) for line in online.splitlines()]  # Series and time.
        self.assertEqual(len(set(names)), len(names), 'a row comes twice')
        for text in ('web\\ shop,nsId=ns-1', ',path=/a\\ b\\,c', 'host\\=x=y', 'dragonfly.boot=', ',device=', 'hits=4i,left=4u',
                     'load=4.0,up=true', 'load=1e-300'):
            self.assertIn(text, online)
        server.stop()
        self.assertEqual(self.export(server.data, 'offline'), online)
        # Into an empty directory without a server, and into a server.
        empty = self.path('empty')
        empty.mkdir()
        self.assertIn('bytes imported', self.command('import', '--data-dir', empty, '--from', self.path('online')))
        self.assertEqual(sorted(self.export(empty, 'again').splitlines()), sorted(online.splitlines()))
        other = Server(self)
        self.command('import', '--data-dir', other.data, '--from', self.path('again'))
        self.command('import', '--server', other.url, '--from', self.path('again'))  # Twice changes nothing.
        self.assertEqual(sorted(self.export(other.data, 'third').splitlines()), sorted(online.splitlines()))
        # By the other format as well.
        everything = self.export(other.data, 'all.ndjson', '--format', 'ndjson')
        third = Server(self)
        self.command('import', '--data-dir', third.data, '--from', self.path('all.ndjson'))
        self.assertEqual(sorted(self.export(third.data, 'by-ndjson', '--format', 'ndjson').splitlines()),
                         sorted(everything.splitlines()))
        # The answers are the same, too: counters know their restarts.
        query = '/api/v1/query?group=network&mcis=load&start=-1h&end=' + str(int(time.time())) + '&step=1m'
        back = Server(self, data=server.data)
        self.assertEqual(other.get_json(query)['series'], back.get_json(query)['series'])
        rows = [json.loads(line) for line in self.export(other.data, 'rows.ndjson', '--format', 'ndjson',
                                                         '--vm', 'by-line').splitlines()]
        self.assertEqual([row['values'] for row in rows if row['group'] == 'web shop'][-2:],
                         [{'hits': i, 'left': f'{i}u', 'load': float(i), 'up': True} for i in (3, 4)])

    def test_cut_off_it_goes_on(self):
        server = Server(self)
        now = (int(time.time()) - 7200) * 10**9
        for vm in range(40):
            server.write('\n'.join(f'mem,{line_tags(vm=f"vm-{vm}")} used_percent={i}.5 {now + i * 10**9}' for i in range(3600)))
        whole = self.export(server.data, 'whole')
        self.assertEqual(len(whole.splitlines()), 40 * 3600)
        part, state = self.path('cut.part'), self.path('cut.part.state')
        process = subprocess.Popen([str(BIN / 'cb-dragonfly'), 'export', '--data-dir', str(server.data), '--to',
                                    str(self.path('cut'))])
        wait_until(lambda: state.exists() or process.poll() is not None, step_s=0.002, what='a page')
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.assertTrue(state.exists(), 'it was killed after its first page')
        with part.open('ab') as file:
            file.write(b'half a page')
        self.assertEqual(self.export(server.data, 'cut'), whole)
        self.assertFalse(part.exists() or state.exists())
        self.assertIn('there already', self.command('export', '--data-dir', server.data, '--to', self.path('cut'), want=1))
        # An import whose first half is done goes on behind it, and names what it cannot take.
        bad = self.path('bad')
        lines = whole.splitlines(keepends=True)
        bad.write_text(''.join(lines[:30000]) + 'nonsense\n')
        other = Server(self)
        self.assertRegex(self.command('import', '--data-dir', other.data, '--from', bad, want=1), r'line \d+')
        self.assertGreater(int(self.path('bad.import-state').read_text().split()[0]), 1 << 20)
        bad.write_text(''.join(lines[:30000]) + '#onsense\n')
        self.command('import', '--data-dir', other.data, '--from', bad)
        self.assertFalse(self.path('bad.import-state').exists())
        self.assertEqual(sorted(self.export(other.data, 'half').splitlines(True)), sorted(lines[:30000]))


if __name__ == '__main__':
    unittest.main()
