"""The agent's package on a host with systemd, made from Debian's own packages: installed, enrolled, started, killed, upgraded,
revoked, removed. Takes minutes and needs the network the first time: it runs where DF_SYSTEMD_HOST is set, after
`scripts/install_deps host`."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from harness import BIN, ROOT, wait_until
from test_enrol import EnrolCase

TOOLS = ('podman', 'runc', 'mmdebstrap', 'ip')
CONF = '''[engine]
cgroup_manager="cgroupfs"
events_logger="file"
runtime="runc"
[containers]
default_ulimits=["nofile=1024:1024","nproc=4096:4096"]
'''


@unittest.skipUnless(os.environ.get('DF_SYSTEMD_HOST') and os.geteuid() == 0 and all(map(shutil.which, TOOLS)),
                     'set DF_SYSTEMD_HOST=1; needs root, podman, runc, mmdebstrap, ip')
class SystemdHost(EnrolCase):
    @classmethod
    def setUpClass(cls):
        # Once for a build folder: it is the same host each time.
        cls.image = pathlib.Path(BIN).parent / 'systemd-host.tar'
        if not cls.image.exists():
            subprocess.run(['mmdebstrap', '--variant=minbase', '--mode=root', '--include=systemd-sysv,iproute2,procps',
                            'bookworm', f'{cls.image}.part.tar'], check=True, timeout=900, capture_output=True)
            os.rename(f'{cls.image}.part.tar', cls.image)

    def pod(self, *args, check=True, timeout=120):
        env = dict(os.environ, CONTAINERS_CONF=str(pathlib.Path(self.folder, 'containers.conf')))
        done = subprocess.run(['podman', '--storage-driver=vfs', '--root', f'{self.folder}/store', '--runroot', f'{self.folder}/run',
                               *map(str, args)], capture_output=True, text=True, env=env, timeout=timeout)
        if check and done.returncode != 0:
            raise AssertionError(f'{args}: {done.returncode}\n{done.stdout}{done.stderr}')
        return done.stdout

    def on_host(self, *args, check=True):
        return self.pod('exec', 'host', *args, check=check)

    def make_host(self):
        pathlib.Path(self.folder, 'containers.conf').write_text(CONF)
        self.pod('import', self.image, 't/host', timeout=300)
        name = f'df{os.getpid() % 10000}'
        subprocess.run(['ip', 'netns', 'add', name], check=True)
        self.addCleanup(subprocess.run, ['ip', 'netns', 'del', name], capture_output=True)
        subprocess.run(['ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name], check=True)
        self.addCleanup(subprocess.run, ['ip', 'link', 'del', name], capture_output=True)
        for command in (f'addr add 10.77.41.1/24 dev {name}', f'link set {name} up', f'-n {name} addr add 10.77.41.2/24 dev eth0',
                        f'-n {name} link set eth0 up', f'-n {name} link set lo up'):
            subprocess.run(['ip', *command.split()], check=True)
        self.addCleanup(self.pod, 'rm', '-f', '-t', '5', 'host', check=False)
        self.pod('run', '-d', '--name', 'host', '--hostname', 'host-1', '--systemd=always', f'--network=ns:/run/netns/{name}',
                 '--memory=256m', 't/host', '/sbin/init')
        wait_until(lambda: self.on_host('systemctl', 'is-system-running', check=False).strip() in ('running', 'degraded'), 60,
                   'a running systemd')

    def keys(self, server):
        return json.loads(self.cbmon(server, 'agent', 'keys', '--output', 'json').stdout)['agents']

    def state(self):
        return self.on_host('systemctl', 'is-active', 'cb-agent', check=False).strip()

    def shown(self, name):
        return self.on_host('systemctl', 'show', '-p', name, '--value', 'cb-agent').strip()

    def test_the_life_of_the_package(self):
        out = pathlib.Path(self.folder, 'packages')
        subprocess.run([ROOT / 'packaging' / 'make_packages', '--out', out, f'x86_64={BIN}/cb-agent'], check=True, capture_output=True, timeout=100)
        package, = out.glob('*.deb')
        self.make_host()
        server = self.start(http='10.77.41.1:0', udp='10.77.41.1:0')
        self.pod('cp', package, 'host:/opt/cb-agent.deb')

        # Installed: there, and not running before it is told to.
        self.on_host('dpkg', '-i', '/opt/cb-agent.deb')
        self.assertEqual(self.state(), 'inactive')
        self.assertEqual(self.on_host('stat', '-c', '%U %a', '/var/lib/cb-agent').strip(), 'cb-agent 700')
        # Without a key it says so, and does not try for ever.
        self.on_host('systemctl', 'start', 'cb-agent', check=False)
        wait_until(lambda: self.state() == 'failed', 20, 'an agent that gives up')
        self.assertIn('agent.key', self.on_host('journalctl', '-u', 'cb-agent', '--no-pager'))

        token = self.agent_token(server, '--ns', 'shop', '--mcis', 'web')
        told = self.on_host('env', f'CB_AGENT_TOKEN={token}', 'cb-agent', 'enroll', '--server', server.url, '--metadata', 'none')
        self.assertIn('enrolled as shop/web/host-1', told)
        self.assertEqual(self.on_host('stat', '-c', '%U %a', '/var/lib/cb-agent/agent.key').strip(), 'cb-agent 600')
        self.on_host('systemctl', 'enable', 'cb-agent')
        self.on_host('systemctl', 'restart', 'cb-agent')
        wait_until(lambda: self.rows_of(server, 'host-1'), 30, 'rows of the host')
        pid = int(self.shown('MainPID'))
        status = self.on_host('cat', f'/proc/{pid}/status')
        self.assertEqual(re.search(r'CapEff:\s+(\S+)', status)[1], '0' * 16)
        self.assertEqual(re.search(r'NoNewPrivs:\s+(\S+)', status)[1], '1')
        self.assertNotEqual(re.search(r'Uid:\s+(\d+)', status)[1], '0')
        self.assertRegex(self.on_host('cb-agent', 'status'), r'last ack +\d')

        # Killed: it comes again by itself.
        self.on_host('kill', '-9', str(pid))
        wait_until(lambda: self.state() == 'active' and int(self.shown('MainPID')) not in (0, pid), 30, 'a new process')
        # Upgraded: what the operator wrote stays, and the new one runs.
        self.on_host('sh', '-c', 'echo "interval: 1s" >> /etc/cb-agent/cb-agent.conf')
        pid = int(self.shown('MainPID'))
        self.on_host('dpkg', '-i', '--force-confold', '/opt/cb-agent.deb')
        wait_until(lambda: self.state() == 'active' and int(self.shown('MainPID')) not in (0, pid), 30, 'the upgraded one')
        self.assertIn('interval: 1s', self.on_host('cat', '/etc/cb-agent/cb-agent.conf'))
        # A newer key goes into its file, which the service may write.
        self.assertEqual(self.cbmon(server, 'agent', 'rotate', 'host-1').returncode, 0)
        wait_until(lambda: [(one['epoch'], one['state']) for one in self.keys(server)] == [(2, 'active')], 30, 'the newer key')
        # Revoked: it ends, and systemd leaves it so.
        self.assertEqual(self.cbmon(server, 'agent', 'revoke', 'host-1').returncode, 0)
        wait_until(lambda: self.state() == 'failed', 30, 'the end of a revoked agent')
        self.assertIn('has revoked this agent', self.on_host('journalctl', '-u', 'cb-agent', '--no-pager'))

        # Removed: the program goes, the configuration stays; purged: it goes, too.
        self.on_host('dpkg', '-r', 'cb-agent')
        self.assertEqual(self.on_host('sh', '-c', '[ -e /usr/bin/cb-agent ] || [ ! -e /etc/cb-agent/cb-agent.conf ] || echo gone').strip(), 'gone')
        self.on_host('dpkg', '-P', 'cb-agent')
        self.assertEqual(self.on_host('sh', '-c', '[ -e /etc/cb-agent/cb-agent.conf ] || echo gone').strip(), 'gone')
        server.stop()


if __name__ == '__main__':
    unittest.main()
