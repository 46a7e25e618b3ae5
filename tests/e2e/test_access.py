"""Tokens on a server that others can reach: the first start, roles, namespaces, expiry, revocation, and no secret told."""
import json
import os
import stat
import subprocess
import unittest
import urllib.error
import urllib.request

import browser
from harness import BIN, E2e, Server, line_tags, vm_path, wait_until


class Access(E2e):
    def start(self, **options):
        server = Server(self, http='0.0.0.0:0', tls=True, **options)
        token = next((line.split()[1] for line in server.lines if line.startswith('token: ')), None)
        server.token = token or getattr(self, 'admin', None)
        self.admin = server.token
        return server

    def cbmon(self, server, *args, token=None):
        env = {key: value for key, value in os.environ.items() if not key.startswith('CBMON_')}
        host = server.url.replace('0.0.0.0', '127.0.0.1')
        env.update(CBMON_SERVER=host, CBMON_CACERT=str(server.authority), CBMON_TOKEN=token or self.admin)
        return subprocess.run([str(BIN / 'cbmon'), *args], capture_output=True, text=True, timeout=30, cwd=self.folder, env=env)

    def new_token(self, server, *args):
        done = self.cbmon(server, 'token', 'new', *args)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def as_(self, server, token, path, method='GET', body=None):
        headers = {'Authorization': f'Bearer {token}'} if token else {'Authorization': ''}
        return server.request(method, path, body, headers).status

    def test_from_the_first_start_to_a_viewer_of_one_namespace(self):
        server = self.start()
        server.wait_line(r'^token: cbd_[0-9a-f]{16}_[0-9a-f]{64} \(admin; not shown again\)$')
        self.assertEqual(self.as_(server, None, '/healthcheck'), 204)
        self.assertEqual(self.as_(server, None, '/api/v1/vms'), 401)
        self.assertEqual(self.as_(server, 'cbd_0123456789abcdef_' + '0' * 64, '/api/v1/vms'), 401)
        self.assertEqual(self.as_(server, self.admin, '/api/v1/vms'), 200)
        for ns in ('ns-1', 'ns-2'):
            server.write(f'cpu,{line_tags(ns=ns)} cpu_idle=50')
        viewer = self.new_token(server, '--name', 'console', '--ns', 'ns-1', '--expires', '1h')
        rt = '/metric/cpu/rt-info?statisticsCriteria=last'
        self.assertEqual(self.as_(server, viewer, vm_path(ns='ns-1') + rt), 200)
        self.assertEqual(self.as_(server, viewer, vm_path(ns='ns-2') + rt), 404)
        self.assertEqual(self.as_(server, viewer, '/api/v1/tokens'), 403)
        self.assertEqual(self.as_(server, viewer, '/write?db=cbmon', 'POST', b'cpu,vmId=x cpu_idle=1'), 403)
        listed = server.request('GET', '/api/v1/vms', None, {'Authorization': f'Bearer {viewer}'}).json
        self.assertEqual({vm['ns'] for vm in listed['vms']}, {'ns-1'})

        done = self.cbmon(server, 'metric', 'get', 'cpu', token=viewer)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('ns-1', done.stdout)
        done = self.cbmon(server, 'token', 'list', token=viewer)
        self.assertEqual(done.returncode, 1)
        self.assertIn('admin', done.stderr)
        done = self.cbmon(server, 'config', 'get', token='wrong')
        self.assertEqual(done.returncode, 1)
        self.assertIn('--token', done.stderr)

        # Expired and revoked ones.
        brief = self.new_token(server, '--name', 'brief', '--expires', '1s')
        wait_until(lambda: self.as_(server, brief, '/api/v1/vms') == 401, 5, 'the end of the brief token')
        tokens = json.loads(self.cbmon(server, 'token', 'list', '--output', 'json').stdout)['tokens']
        self.assertEqual([token['name'] for token in tokens], ['first', 'console', 'brief'])
        self.assertEqual(self.cbmon(server, 'token', 'revoke', tokens[1]['id']).returncode, 0)
        self.assertEqual(self.as_(server, viewer, '/api/v1/vms'), 401)
        self.assertEqual(self.cbmon(server, 'token', 'revoke', tokens[0]['id']).returncode, 1)  # The last admin's.
        audit = json.loads(self.cbmon(server, 'audit', '--output', 'json').stdout)['entries']
        self.assertEqual([(entry['who'], entry['what']) for entry in audit],
                         [('first', 'token revoke'), ('first', 'token new'), ('first', 'token new')])
        server.stop()

        # Again: the same admin, no new token is told; and none of all lies in clear anywhere.
        again = self.start(data=server.data)
        self.assertFalse([line for line in again.lines if line.startswith('token:')])
        self.assertEqual(self.as_(again, self.admin, '/api/v1/tokens'), 200)
        again.stop()
        secrets = [token.encode().split(b'_')[2] for token in (self.admin, viewer, brief)]
        texts = [path for path in again.data.rglob('*') if path.is_file()] + [server.log, again.log]
        for path in texts:
            content = path.read_bytes()
            self.assertFalse([path for secret in secrets if secret in content], path)
        for path in (again.data / 'secrets').iterdir():
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600, path)

    def test_many_wrong_tokens_do_not_disturb_others(self):
        server = self.start()
        got = [self.as_(server, f'wrong-{i}', '/api/v1/vms') for i in range(60)]
        self.assertEqual(set(got), {401, 429})
        self.assertEqual(self.as_(server, self.admin, '/api/v1/vms'), 200)

    def test_a_scoped_operator_writes_its_namespaces_only(self):
        server = self.start()
        token = self.new_token(server, '--name', 'writer', '--role', 'operator', '--ns', 'ns-1')
        lines = f'cpu,{line_tags(ns="ns-1")} cpu_idle=50\ncpu,{line_tags(ns="ns-2")} cpu_idle=50\n'
        done = server.request('POST', '/write', lines.encode(), {'Authorization': f'Bearer {token}'})
        self.assertEqual(done.status, 400)
        self.assertIn('line 2', done.json['message'])
        self.assertIn('1 rows stored', done.json['message'])
        self.assertEqual({vm['ns'] for vm in server.get_json('/api/v1/vms')['vms']}, {'ns-1'})

    def test_the_listener_for_earlier_clients(self):
        server = self.start(args=['--set', 'api.legacy_listen=127.0.0.1:0', '--set', 'api.legacy_networks=127.0.0.0/8'])
        where = server.wait_line(r'^api.legacy_listen: (\S+) answers in clear and without tokens to 127.0.0.0/8')[1]
        def ask(path, method='GET', body=None):
            call = urllib.request.Request(f'http://{where}{path}', data=body, method=method)
            try:
                with urllib.request.urlopen(call, timeout=10) as answer:
                    return answer.status
            except urllib.error.HTTPError as error:
                return error.code
        self.assertEqual(ask('/healthcheck'), 204)
        self.assertEqual(ask('/dragonfly/config'), 200)
        self.assertEqual(ask('/dragonfly/config', 'PUT', b'max_host_count=7'), 200)
        self.assertEqual(ask('/api/v1/vms'), 404)
        self.assertEqual(self.as_(server, None, '/dragonfly/config'), 401)
        health = server.get_json('/health')
        self.assertIn('api.legacy_listen', ' '.join(module['message'] for module in health['modules']))
        server.stop()
        for args in (['api.legacy_listen=127.0.0.1:0'], ['api.legacy_listen=127.0.0.1:0', 'api.legacy_networks=x']):
            wrong = Server(self, args=[word for arg in args for word in ('--set', arg)], ready=False)
            self.assertEqual(wrong.wait_exit(20), 1)
            self.assertIn('api.legacy_networks', wrong.log.read_text())

    def test_insecure_is_said(self):
        server = Server(self, http='0.0.0.0:0', args=['--insecure'])
        self.assertEqual(server.get('/api/v1/vms').status, 200)
        health = server.get_json('/health')
        self.assertIn('--insecure', ' '.join(module['message'] for module in health['modules']))
        self.assertIn('--insecure', server.log.read_text())
        server.stop()

    def test_a_loopback_server_may_ask_for_tokens(self):
        server = Server(self, args=['--set', 'api.access=on'])
        self.assertEqual(server.get('/api/v1/vms').status, 401)
        server.token = server.wait_line(r'^token: (\S+)')[1]
        self.assertEqual(server.get('/api/v1/vms').status, 200)
        server.stop()

    def test_the_page_logs_in(self):
        if name := browser.missing():
            self.skipTest(f'{name} is not installed')
        server = Server(self, args=['--set', 'api.access=on'])
        server.token = server.wait_line(r'^token: (\S+)')[1]
        server.write(f'cpu,{line_tags()} cpu_idle=50')
        page = browser.Browser(self)
        page.open(server.url + '/')
        page.wait_script("return !document.getElementById('login').hidden")
        fill = "document.getElementById('token').value = '%s'; document.querySelector('#login button').click()"
        page.script(fill % 'wrong')
        page.wait_script("return document.getElementById('notice').textContent.includes('not known')")
        page.script(fill % server.token)
        page.wait_script("return document.getElementById('login').hidden && document.body.innerText.includes('mcis-1')")
        self.assertEqual(page.script('return document.cookie'), '')  # No script can read it.
        server.stop()


if __name__ == '__main__':
    unittest.main()
