"""The API under TLS: whom clients trust, what is refused, and certificates that change while the server runs."""
import os
import pathlib
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import threading
import time
import unittest

from harness import BIN, E2e, Server, wait_until

TLS = ['--set', 'tls.mode=on']


@unittest.skipUnless(shutil.which('curl') and shutil.which('openssl'), 'needs curl and openssl')
class Tls(E2e):
    def start(self, args=(), **options):
        return Server(self, args=[*TLS, *args], tls=True, **options)

    def cbmon(self, *args, **environment):
        env = {key: value for key, value in os.environ.items() if not key.startswith('CBMON_')}
        return subprocess.run([str(BIN / 'cbmon'), *map(str, args)], capture_output=True, text=True, timeout=30,
                              cwd=self.folder, env={**env, **environment})

    def served(self, server):
        """The certificate that a new connection gets, as PEM."""
        host, _, port = server.http.rpartition(':')
        with socket.create_connection((host, int(port)), timeout=10) as plain:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            with context.wrap_socket(plain) as secure:
                return ssl.DER_cert_to_PEM_cert(secure.getpeercert(True))

    def operators(self, name, names='DNS:localhost,IP:127.0.0.1'):
        """A certificate of another authority, for `name`, as an operator brings it."""
        root, key = self.path(f'{name}-root.pem'), self.path(f'{name}-root.key')
        make = ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
        self.openssl(*make[1:], '-subj', f'/CN={name} root', '-keyout', key, '-out', root)
        self.openssl(*make[1:], '-subj', f'/CN={name}', '-addext', f'subjectAltName={names}',
                     '-addext', 'basicConstraints=CA:FALSE', '-CA', root, '-CAkey', key,
                     '-keyout', self.path(f'{name}.key'), '-out', self.path(f'{name}.crt'))
        return self.path(f'{name}.crt'), self.path(f'{name}.key'), root

    def path(self, name):
        return pathlib.Path(self.folder, name)

    def openssl(self, *args):
        return subprocess.run(['openssl', *map(str, args)], check=True, capture_output=True, text=True, timeout=30)

    def test_own_authority(self):
        server = self.start()
        self.assertEqual(server.get('/healthcheck').status, 204)
        told = server.wait_line(r'^tls: clients trust (\S+), SHA-256 ([0-9A-F:]{95})$')
        self.assertEqual(pathlib.Path(told[1]), server.authority)
        shown = self.openssl('x509', '-in', server.authority, '-noout', '-fingerprint', '-sha256').stdout
        self.assertIn(told[2], shown)
        names = self.openssl('x509', '-in', server.data / 'tls' / 'server.crt', '-noout', '-ext', 'subjectAltName').stdout
        for name in ('DNS:localhost', f'DNS:{socket.gethostname()}', 'IP Address:127.0.0.1'):
            self.assertIn(name, names)
        for file in (server.data / 'tls').iterdir():
            self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600, file)
        self.assertEqual(stat.S_IMODE((server.data / 'tls').stat().st_mode), 0o700)
        # Again from the same folder: the same authority and the same certificate.
        before = self.served(server)
        server.stop()
        again = self.start(data=server.data)
        self.assertEqual(self.served(again), before)
        again.stop()

    def test_curl_and_openssl(self):
        server = self.start()
        ask = ['curl', '-sS', '-o', '/dev/null', '-w', '%{http_code}', f'{server.url}/healthcheck']
        self.assertEqual(subprocess.run([*ask, '--cacert', server.authority], capture_output=True, text=True).stdout, '204')
        self.assertEqual(subprocess.run(ask, capture_output=True).returncode, 60)
        for version, good in (('-tls1_3', True), ('-tls1_2', True), ('-tls1_1', False)):
            done = subprocess.run(['openssl', 's_client', '-connect', server.http, version, '-cipher', 'DEFAULT@SECLEVEL=0',
                                   '-CAfile', server.authority, '-verify_return_error', '-verify_ip', '127.0.0.1'],
                                  input='', capture_output=True, text=True, timeout=30)
            self.assertEqual('Verify return code: 0' in done.stdout and 'Cipher is (NONE)' not in done.stdout, good, version)
        weak = subprocess.run(['openssl', 's_client', '-connect', server.http, '-tls1_2', '-cipher',
                               'AES128-SHA:ECDHE-ECDSA-AES128-SHA@SECLEVEL=0'], input='', capture_output=True, timeout=30)
        self.assertNotEqual(weak.returncode, 0)
        plain = subprocess.run(['curl', '-s', f'http://{server.http}/healthcheck'], capture_output=True, text=True)
        self.assertIn('https://', plain.stdout)

    def test_cbmon(self):
        server = self.start()
        done = self.cbmon('--server', server.url, 'config', 'get')
        self.assertEqual(done.returncode, 3)
        self.assertIn('--cacert', done.stderr)
        self.assertIn('tls/ca.crt', done.stderr)
        done = self.cbmon('--server', server.url, '--cacert', server.authority, 'config', 'get', 'agent_interval')
        self.assertEqual((done.returncode, done.stdout), (0, '2\n'), done.stderr)
        done = self.cbmon('config', 'get', 'agent_interval', CBMON_SERVER=server.url, CBMON_CACERT=str(server.authority))
        self.assertEqual((done.returncode, done.stdout), (0, '2\n'), done.stderr)
        done = self.cbmon('--server', server.url, '--cacert', '/nonexistent', 'config', 'get')
        self.assertEqual(done.returncode, 2)
        self.assertIn('--cacert', done.stderr)
        done = self.cbmon('--server', server.url.replace('https', 'http'), 'config', 'get')
        self.assertEqual(done.returncode, 1)
        self.assertIn('https://', done.stderr)
        # Another authority; and the right one, but a certificate for another name.
        certificate, key, root = self.operators('other', names='DNS:other.example')
        done = self.cbmon('--server', server.url, '--cacert', root, 'config', 'get')
        self.assertEqual(done.returncode, 3)
        self.assertIn('not trusted', done.stderr)
        other = Server(self, args=[*TLS, '--set', f'tls.certificate={certificate}', '--set', f'tls.key={key}'], ready=False)
        address = other.wait_line(r'^listening http=(\S+) ')[1]
        done = self.cbmon('--server', f'https://{address}', '--cacert', root, 'config', 'get')
        self.assertEqual(done.returncode, 3)
        self.assertIn('tls.names', done.stderr)

    def test_the_operators_certificate_is_reloaded(self):
        one, two = self.operators('one'), self.operators('two')
        certificate, key = self.path('server.crt'), self.path('server.key')
        shutil.copy(one[0], certificate)
        shutil.copy(one[1], key)
        server = Server(self, args=[*TLS, '--set', f'tls.certificate={certificate}', '--set', f'tls.key={key}'], ready=False)
        server.http = server.wait_line(r'^listening http=(\S+) ')[1]
        server.trust = ssl.create_default_context(cafile=one[2])
        server.wait_line(r'^tls: certificate one, SHA-256 ')
        self.assertEqual(server.get('/healthcheck').status, 204)
        self.assertFalse((server.data / 'tls').exists())

        # Meanwhile good clients ask on; none of them may see a broken connection.
        answers, ends = [], threading.Event()
        trust = ssl.create_default_context(cafile=one[2])
        trust.load_verify_locations(two[2])

        def ask_on():
            while not ends.is_set():
                try:
                    server.trust = trust
                    answers.append(server.get('/healthcheck').status)
                except OSError as error:
                    answers.append(repr(error))
        asking = threading.Thread(target=ask_on)
        asking.start()
        self.addCleanup(ends.set)
        # Half a change is refused, said once, and the certificate before goes on.
        shutil.copy(two[0], certificate)
        wait_until(lambda: 'the key does not belong' in server.log.read_text(), what='the refusal')
        self.assertEqual(self.served(server), self.served(server))
        shutil.copy(two[1], key)
        wanted = ssl.DER_cert_to_PEM_cert(ssl.PEM_cert_to_DER_cert(two[0].read_text()))
        wait_until(lambda: self.served(server) == wanted, 5, 'the second certificate, by looking')
        shutil.copy(one[0], certificate)
        shutil.copy(one[1], key)
        os.kill(server.pid, signal.SIGHUP)
        started = time.monotonic()
        wanted = ssl.DER_cert_to_PEM_cert(ssl.PEM_cert_to_DER_cert(one[0].read_text()))
        wait_until(lambda: self.served(server) == wanted, 5, 'the first certificate, by SIGHUP', step_s=0.02)
        self.assertLess(time.monotonic() - started, 1)
        ends.set()
        asking.join(30)
        self.assertEqual(set(answers), {204})
        self.assertNotIn('PRIVATE KEY', server.log.read_text())
        server.stop()

    def test_slow_handshakes_delay_nobody(self):
        server = self.start()
        host, _, port = server.http.rpartition(':')
        slow = []
        for i in range(300):
            connection = socket.create_connection((host, int(port)), timeout=10)
            self.addCleanup(connection.close)
            connection.sendall((b'', b'\x16\x03\x01\x02\x00', b'\x16')[i % 3])
            slow.append(connection)
        started = time.monotonic()
        for _ in range(10):
            self.assertEqual(server.get('/healthcheck').status, 204)
        self.assertLess(time.monotonic() - started, 2)
        for connection in slow[:3]:
            connection.settimeout(20)
            self.assertEqual(connection.recv(1), b'')  # Ended by the server after 10 s.
        wait_until(lambda: server.metrics()['dragonfly_http_handshakes_failed_total'] >= 300, 15, 'all slow ones ended')

    def test_wrong_settings(self):
        for args, words in ((['--set', 'tls.certificate=/nonexistent'], 'tls.key'),
                            (['--set', 'tls.certificate=/nonexistent', '--set', 'tls.key=/nonexistent'], '/nonexistent'),
                            (['--set', 'tls.mode=perhaps'], 'auto, on, off')):
            with self.subTest(args):
                server = Server(self, args=[*TLS, *args], ready=False)
                self.assertNotEqual(server.wait_exit(), 0)
                self.assertIn(words, server.log.read_text())


if __name__ == '__main__':
    unittest.main()
