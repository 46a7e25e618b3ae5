"""A machine becomes an agent: tokens, `cb-agent enroll`, the one-liner that installs, and what clones and strangers get."""
import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import stat
import subprocess
import threading
import unittest

from harness import BIN, ROOT, E2e, Process, Server, vm_path, wait_until

TLS = ['--set', 'tls.mode=on', '--set', 'api.access=on']
UUIDS = ('4c4c4544-0042-3510-8052-b4c04f4e4432', '4c4c4544-0042-3510-8052-b4c04f4e4433')


class EnrolCase(E2e):
    def start(self, args=(), **options):
        server = Server(self, args=[*TLS, *args], tls=True, **options)
        server.token = next((line.split()[1] for line in server.lines if line.startswith('token: ')), None) or self.admin
        self.admin = server.token
        return server

    def cbmon(self, server, *args):
        env = {key: value for key, value in os.environ.items() if not key.startswith('CBMON_')}
        env.update(CBMON_SERVER=server.url, CBMON_TOKEN=server.token)
        if server.trust:
            env['CBMON_CACERT'] = str(server.authority)
        return subprocess.run([str(BIN / 'cbmon'), *args], capture_output=True, text=True, timeout=30, cwd=self.folder, env=env)

    def agent_token(self, server, *args):
        done = self.cbmon(server, 'agent', 'token', 'new', *args)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def machine(self, number):
        """A root with the identity of machine `number`."""
        root = pathlib.Path(self.folder, f'machine-{number}')
        (root / 'etc').mkdir(parents=True, exist_ok=True)
        (root / 'etc/machine-id').write_text(f'{number:032x}\n'.replace('0', 'a'))
        (root / 'sys/class/dmi/id').mkdir(parents=True, exist_ok=True)
        (root / 'sys/class/dmi/id/product_uuid').write_text(UUIDS[number % 2] + '\n')
        return root

    def enroll(self, url, token, key, *args, **env):
        return subprocess.run([str(BIN / 'cb-agent'), 'enroll', '--server', url, '--key', str(key), '--metadata', 'none', *map(str, args)],
                              capture_output=True, text=True, timeout=60, cwd=self.folder,
                              env={**os.environ, 'CB_AGENT_TOKEN': token, **env})

    def run_agent(self, key, *args):
        return Process(self, 'cb-agent', ['--key', key, '--interval', '1s', '--metadata', 'none', *args])

    def rows_of(self, server, vm, mcis='web', ns='shop'):
        return server.try_get(vm_path(ns, mcis, vm) + '/metric/memory/rt-info') == 200


class Enrol(EnrolCase):
    def test_a_token_a_key_and_rows(self):
        server = self.start()
        token = self.agent_token(server, '--ns', 'shop', '--mcis', 'web', '--name', 'rack 7', '--uses', '2', '--expires', '10m')
        self.assertRegex(token, r'^cba_[0-9a-f]{16}_[0-9a-f]{32}_[0-9a-f]{64}$')
        key = pathlib.Path(self.folder, 'keys', 'agent.key')
        done = self.enroll(server.url, token, key, '--vm', 'web-1', '--root', self.machine(1))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('enrolled as shop/web/web-1', done.stdout)
        self.assertEqual(stat.S_IMODE(key.stat().st_mode), 0o600)
        secret = re.search(r'\t([0-9a-f]{64})\t', key.read_text())[1]
        self.assertNotIn(secret, done.stdout + done.stderr)

        # The key is all that the agent needs: it says where the server is.
        spool = pathlib.Path(self.folder, 'spool')
        agent = self.run_agent(key, '--root', '/', '--spool-dir', spool)
        wait_until(lambda: self.rows_of(server, 'web-1'), what='rows of web-1')
        status = subprocess.run([BIN / 'cb-agent', 'status', '--spool-dir', spool], capture_output=True, text=True, timeout=10)
        self.assertRegex(status.stdout, rf'enrolled +at {re.escape(server.url)}')
        agent.stop()

        # The second use by a file; the third is one too many.
        held = pathlib.Path(self.folder, 'token')
        held.write_text(token + '\n')
        done = self.enroll(server.url, '', pathlib.Path(self.folder, 'k2'), '--vm', 'web-2', '--token', f'@{held}')
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.enroll(server.url, token, pathlib.Path(self.folder, 'k3'), '--vm', 'web-3')
        self.assertEqual(done.returncode, 2)
        self.assertIn('used 2 times', done.stderr)
        self.assertFalse(pathlib.Path(self.folder, 'k3').exists())
        listed = json.loads(self.cbmon(server, 'agent', 'token', 'list', '--output', 'json').stdout)['tokens']
        self.assertEqual([(one['name'], one['uses'], one['uses_max'], one['usable']) for one in listed], [('rack 7', 2, 2, False)])
        audit = [entry['what'] for entry in server.get_json('/api/v1/audit')['entries']]
        self.assertEqual(audit, ['agent enroll', 'agent enroll', 'agent token new'])
        wait_until(lambda: server.metrics()['dragonfly_agents_enrolled'] == 2, what='two agents in the register')
        server.stop()
        # Nothing of it lies in clear on the server.
        for path in server.data.rglob('*'):
            if path.is_file():
                self.assertNotIn(token.split('_')[2].encode(), path.read_bytes(), path)
                self.assertNotIn(secret.encode(), path.read_bytes(), path)
        checked = subprocess.run([BIN / 'cb-dragonfly', 'check', '--data-dir', server.data], capture_output=True, text=True, timeout=60)
        self.assertEqual(checked.returncode, 0, checked.stdout)
        self.assertRegex(checked.stdout, r'enrolment +1 tokens')

        # The register and the pinned authority outlive the server.
        again = self.start(data=server.data, http=server.http, udp=server.udp)
        agent = self.run_agent(key, '--root', '/', '--spool-dir', spool)
        wait_until(lambda: again.metrics()['dragonfly_rows_stored_total'] > 0, what='rows after the restart')
        agent.stop()
        again.stop()

    def test_who_is_not_let_in(self):
        server, other = self.start(), self.start()
        key = pathlib.Path(self.folder, 'key')
        token = self.agent_token(other)
        # A token of another server: its authority is not this one's.
        done = self.enroll(server.url, token, key, '--vm', 'v')
        self.assertEqual(done.returncode, 2)
        self.assertIn('nothing was sent', done.stderr)
        revoked = self.agent_token(other)
        self.assertEqual(self.cbmon(other, 'agent', 'token', 'revoke', revoked.split('_')[1]).returncode, 0)
        done = self.enroll(other.url, revoked, key, '--vm', 'v')
        self.assertIn('was revoked', done.stderr)
        done = self.enroll(other.url, token, key, '--vm', 'a' * 257)
        self.assertIn('--vm', done.stderr)
        self.assertFalse(key.exists())
        # Ten wrong ones a second, then a good one waits, too; those of the API are none.
        wrong = [self.enroll(other.url, 'cba_' + '0' * 16 + token[20:], key, '--vm', 'v').stderr for _ in range(3)]
        self.assertTrue(all('not known' in text for text in wrong), wrong)
        self.assertEqual(other.request('POST', '/api/v1/agents/enroll', b'{"vm":"v"}').status, 401)
        server.stop()
        other.stop()

    def test_a_false_server_learns_nothing(self):
        """Whoever stands between answers TLS with a certificate of its own: no token, no identity leaves the machine."""
        server = self.start()
        impostor = self.start()
        token = self.agent_token(server)
        before = impostor.metrics()
        done = self.enroll(impostor.url, token, pathlib.Path(self.folder, 'key'), '--vm', 'v')
        self.assertEqual(done.returncode, 2)
        self.assertIn('fingerprint', done.stderr)
        self.assertEqual(impostor.metrics()['dragonfly_agents_enrolled'], before['dragonfly_agents_enrolled'])
        # One that gives out the right certificate, for anybody may have it, but does not hold its key.
        pem = server.request('GET', '/api/v1/agents/authority').body
        got = []

        def relay():
            listener = socket.socket()
            listener.bind(('127.0.0.1', 0))
            listener.listen(5)
            self.addCleanup(listener.close)
            ports.append(listener.getsockname()[1])
            ready.set()
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(impostor.data / 'tls/server.crt', impostor.data / 'tls/server.key')
            while True:
                try:
                    plain, _ = listener.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(plain, server_side=True) as secure:
                        got.append(secure.recv(65536))
                        secure.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s' % (len(pem), pem))
                except OSError:
                    got.append(b'')
        ports, ready = [], threading.Event()
        threading.Thread(target=relay, daemon=True).start()
        ready.wait(5)
        done = self.enroll(f'https://127.0.0.1:{ports[0]}', token, pathlib.Path(self.folder, 'key'), '--vm', 'v')
        self.assertEqual(done.returncode, 2)
        self.assertIn('not who it should be', done.stderr)
        self.assertTrue(got)
        self.assertFalse([one for one in got if token[:20].encode() in one or b'POST' in one])
        server.stop()
        impostor.stop()

    def test_a_loopback_server_in_clear(self):
        server = Server(self)
        done = subprocess.run([BIN / 'cbmon', '--server', server.url, 'agent', 'token', 'new'], capture_output=True, text=True, timeout=30)
        token = done.stdout.strip()
        self.assertRegex(token, r'^cba_[0-9a-f]{16}_[0-9a-f]{32}$')
        key = pathlib.Path(self.folder, 'key')
        done = self.enroll(server.url, token, key, '--vm', 'v')
        self.assertEqual(done.returncode, 0, done.stderr)
        agent = self.run_agent(key, '--root', '/')
        wait_until(lambda: self.rows_of(server, 'v', 'default', 'default'), what='rows')
        agent.stop()
        done = self.enroll('http://192.0.2.1:9090', token, key, '--vm', 'v')
        self.assertEqual(done.returncode, 2)
        self.assertIn('in clear', done.stderr)
        server.stop()

    def test_a_clone_sends_nothing_and_another_machine_waits(self):
        server = self.start()
        token = self.agent_token(server, '--ns', 'shop', '--mcis', 'web')
        key = pathlib.Path(self.folder, 'key')
        first, second = self.machine(1), self.machine(2)
        self.assertEqual(self.enroll(server.url, token, key, '--vm', 'web-1', '--root', first).returncode, 0)
        # The image of the first one on the second machine.
        clone = self.run_agent(key, '--root', second)
        self.assertEqual(clone.wait_exit(), 2)
        said = clone.log.read_text()
        self.assertIn("the machine-id and the firmware's UUID differ", said)
        self.assertIn('cb-agent enroll', said)
        self.assertEqual(server.metric_sum('dragonfly_datagrams_received_total'), 0)
        # It enrols anew, under a name of its own; not under that of one that lives.
        link_proc(first)
        agent = self.run_agent(key, '--root', first)
        wait_until(lambda: self.rows_of(server, 'web-1'), what='rows of web-1')
        done = self.enroll(server.url, token, pathlib.Path(self.folder, 'key-2'), '--vm', 'web-1', '--root', second)
        self.assertEqual(done.returncode, 2)
        self.assertIn('has an agent on another machine', done.stderr)
        done = self.enroll(server.url, token, pathlib.Path(self.folder, 'key-2'), '--vm', 'web-2', '--root', second)
        self.assertEqual(done.returncode, 0, done.stderr)
        # The machine itself may come again at once.
        done = self.enroll(server.url, token, key, '--vm', 'web-1', '--root', first)
        self.assertEqual(done.returncode, 0, done.stderr)
        agent.kill9()
        server.stop()


def link_proc(root):
    """A root of a test whose /proc is this machine's."""
    if not (root / 'proc').exists():
        (root / 'proc').symlink_to('/proc')


@unittest.skipUnless(os.geteuid() == 0 and shutil.which('dpkg') and shutil.which('unshare') and shutil.which('curl'),
                     'needs root, dpkg, unshare and curl')
class Install(EnrolCase):
    """The one-liner on this system, with everything that it writes in layers that are thrown away."""

    NAMESPACE = '''set -e
mount -t tmpfs layers "$1"
for part in etc usr var run; do
  mkdir -p "$1/$part/up" "$1/$part/work"
  mount -t overlay "$part" -o "lowerdir=/$part,upperdir=$1/$part/up,workdir=$1/$part/work" "/$part"
done
rm -rf /run/systemd/system
exec sh -e "$2"
'''

    def namespaced(self, script, name):
        """Starts `script` in a mount namespace of its own."""
        layers = pathlib.Path(self.folder, f'layers-{name}')
        layers.mkdir()
        file = pathlib.Path(self.folder, f'{name}.sh')
        file.write_text(script)
        return Process(self, 'install', ['-m', 'sh', '-c', self.NAMESPACE, 'sh', layers, file], program='unshare')

    def packages(self):
        out = pathlib.Path(self.folder, 'packages')
        subprocess.run([ROOT / 'packaging' / 'make_packages', '--out', out, f'x86_64={BIN}/cb-agent'], check=True,
                       capture_output=True, timeout=100)
        return out

    def test_the_one_liner_installs_enrols_and_starts(self):
        server = self.start(['--set', f'server.package_dir={self.packages()}'])
        made = json.loads(self.cbmon(server, 'agent', 'token', 'new', '--ns', 'shop', '--mcis', 'web', '--output', 'json').stdout)
        go, status = pathlib.Path(self.folder, 'go'), pathlib.Path(self.folder, 'status')
        self.assertTrue(made['install'].startswith('curl -fsSk --pinnedpubkey '), made['install'])
        script = f'''{made['install']} --vm one-liner
until [ -e {go} ]; do sleep 0.1; done
cb-agent status > {status} || true
ps -o user= -C cb-agent
stat -c '%U %a' /var/lib/cb-agent/agent.key
/etc/init.d/cb-agent stop
dpkg -r cb-agent
[ ! -e /usr/bin/cb-agent ]
echo removed
'''
        installing = self.namespaced(script, 'good')
        wait_until(lambda: self.rows_of(server, 'one-liner') or not installing.alive(), 60, 'rows of the installed agent')
        go.touch()
        self.assertEqual(installing.wait_exit(60), 0, installing.log.read_text() + '\n'.join(installing.lines))
        self.assertIn('removed', installing.lines)
        self.assertIn('cb-agent 600', installing.lines)
        self.assertRegex(status.read_text(), r'last ack +\d')
        self.assertNotIn(made['token'], '\n'.join(installing.lines) + installing.log.read_text())
        server.stop()

    def test_the_script_installs_nothing_of_a_false_server(self):
        packages = self.packages()
        server, impostor = (self.start(['--set', f'server.package_dir={packages}']) for _ in range(2))
        token = self.agent_token(server)
        script = impostor.request('GET', '/dragonfly/file/agent/install').text
        self.assertIn(f"server='{impostor.url}'", script)
        tried = self.namespaced(f'''cat > {self.folder}/script <<'END'
{script}
END
! sh {self.folder}/script --token {token}
[ ! -e /usr/bin/cb-agent ]
! sh {self.folder}/script --token cba_short
! sh {self.folder}/script
! sh {self.folder}/script --tokn x
echo nothing installed
''', 'false')
        self.assertEqual(tried.wait_exit(60), 0, tried.log.read_text())
        self.assertIn('nothing installed', tried.lines)
        said = tried.log.read_text()
        for words in ('not the server for which the token was made', 'who vouches', '--token is missing', "'--tokn' is not an option"):
            self.assertIn(words, said)
        server.stop()
        impostor.stop()


if __name__ == '__main__':
    unittest.main()
