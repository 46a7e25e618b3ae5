"""No secret is told anywhere: not in logs at their wordiest, not in answers, not in arguments, not in clear on disk."""
import json
import os
import pathlib
import subprocess
import unittest

from harness import BIN, Agent, E2e, Server, wait_until

SSH_KEY = 'canary-ssh-key-7f3a91'
PASSWORD = 'canary-password-55ab02'
WRONG = 'cbd_0123456789abcdef_' + 'c0ffee11' * 8
CONFIG = f"""influxdb:
  endpoint_url: http://10.0.0.2:8086
  user_name: writer
  password: {PASSWORD}
log:
  level: debug
"""
QUESTIONS = ('/health', '/metrics', '/dragonfly/config', '/dragonfly/config/history', '/dragonfly/agents/metadata',
             '/api/v1/tokens', '/api/v1/audit', '/api/v1/vms', '/api/v1/session', '/api/v1/collectors?detail=true',
             '/api/v1/backup', '/api/v1/query?group=cpu&start=-5m', '/', '/api', '/api/openapi.yaml')


class Secrets(E2e):
    def secrets(self, server, key, tokens):
        """By name: what must not be seen, and in which files of the data directory it may lie."""
        fleet = (server.data / 'secrets' / 'fleet.key').read_bytes()
        out = {f'token {i}': (token.rpartition('_')[2].encode(), ()) for i, token in enumerate(tokens)}
        key_lines = [line for line in key.read_bytes().split() if len(line) >= 32]
        out |= {f'agent key {i}': (line, ()) for i, line in enumerate(key_lines)} or {'agent key': (key.read_bytes(), ())}
        out['fleet key'] = (fleet[-32:], ('secrets/fleet.key',))
        out['fleet key in digits'] = (fleet[-32:].hex().encode(), ('secrets/fleet.key',))
        for name, text in (('ssh key', SSH_KEY), ('password', PASSWORD), ('wrong token', WRONG.rpartition('_')[2])):
            out[name] = (text.encode(), ())
        return out

    def test_none_is_told(self):
        config = pathlib.Path(self.folder, 'config.yaml')
        config.write_text(CONFIG)
        server = Server(self, http='0.0.0.0:0', tls=True, args=['--config', config])
        admin = next(line.split()[1] for line in server.lines if line.startswith('token: '))
        server.token = admin
        key = server.key(self)
        agent = Agent(self, server, key, '500ms')
        env = {name: value for name, value in os.environ.items() if not name.startswith('CBMON_')}
        env.update(CBMON_SERVER=server.url.replace('0.0.0.0', '127.0.0.1'), CBMON_CACERT=str(server.authority), CBMON_TOKEN=admin)
        made = subprocess.run([str(BIN / 'cbmon'), 'token', 'new', '--name', 'console', '--role', 'viewer'], capture_output=True,
                              text=True, timeout=30, env=env, check=True)
        tokens = [admin, made.stdout.strip()]
        wait_until(lambda: server.get_json('/api/v1/vms')['vms'], what='the agent reports')

        seen = {}
        body = {'ns_id': 'n', 'mcis_id': 'm', 'vm_id': 'v', 'public_ip': '192.0.2.7', 'user_name': 'u', 'ssh_key': SSH_KEY}
        seen['installation'] = server.post('/dragonfly/agent', json.dumps(body)).body
        seen['wrong installation'] = server.post('/dragonfly/agent', json.dumps(body | {'port': 'x'})).body
        for name, headers in (('header', {'Authorization': f'Bearer {WRONG}'}), ('cookie', {'Cookie': f'cbd_token={WRONG}', 'Authorization': ''})):
            seen[f'wrong token by {name}'] = server.request('GET', '/api/v1/vms', headers=headers).body
        seen['wrong login'] = server.post('/api/v1/session', json.dumps({'token': WRONG})).body
        for path in QUESTIONS:
            answer = server.get(path)
            self.assertIn(answer.status, (200, 404), path)
            seen[path] = answer.body
        for name, process in (('server', server), ('agent', agent)):
            seen[f'arguments of the {name}'] = pathlib.Path(f'/proc/{process.pid}/cmdline').read_bytes()
            seen[f'environment of the {name}'] = pathlib.Path(f'/proc/{process.pid}/environ').read_bytes()
        secrets = self.secrets(server, key, tokens)
        agent.stop()
        server.stop()
        for process in (server, agent):
            seen[f'log of {process.name}'] = process.log.read_bytes()
            told = [line for line in process.lines if not line.startswith('token: ')]  # Once, when it is made.
            seen[f'output of {process.name}'] = '\n'.join(told).encode()
        for where, text in seen.items():
            for name, (secret, _) in secrets.items():
                self.assertNotIn(secret, text, f'{name} is told by {where}')
        for file in sorted(server.data.rglob('*')):
            if not file.is_file():
                continue
            content = file.read_bytes()
            self.assertEqual(file.stat().st_mode & 0o077, 0, f'{file} is for others, too')
            for name, (secret, places) in secrets.items():
                if str(file.relative_to(server.data)) not in places:
                    self.assertNotIn(secret, content, f'{name} lies in {file}')


if __name__ == '__main__':
    unittest.main()
