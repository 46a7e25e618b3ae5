"""Packages of the agent: what is in them, installed, upgraded and removed below a root of their own; the scripts of each
init system; the builds for other processors, where `make packages` has made them, under an emulator."""
import json
import os
import pathlib
import shutil
import subprocess
import unittest

from harness import BIN, ROOT, Agent, E2e, Server, vm_path, wait_until

PARTS = ROOT / 'packaging' / 'agent'
CONFIG = 'etc/cb-agent/cb-agent.conf'


def run(*command, **more):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=100, **more)
    if done.returncode != 0:
        raise AssertionError(f'{" ".join(map(str, command))}: {done.returncode}\n{done.stdout}{done.stderr}')
    return done.stdout


class Packages(E2e):
    @classmethod
    def setUpClass(cls):
        cls.out = pathlib.Path(BIN).parent / 'test-packages'
        shutil.rmtree(cls.out, ignore_errors=True)
        run(ROOT / 'packaging' / 'make_packages', '--out', cls.out, f'x86_64={BIN}/cb-agent')

    def package(self, pattern):
        found = sorted(self.out.glob(pattern))
        if not found:
            self.skipTest(f'no {pattern}: what makes it is not installed')
        return found[0]

    def check_tree(self, tree, *more):
        """Files of every package; the program runs from where it lies."""
        for name in ('usr/bin/cb-agent', 'usr/share/doc/cb-agent/README', 'usr/share/doc/cb-agent/copyright', *more):
            self.assertTrue((tree / name).is_file(), name)
        self.assertRegex(run(tree / 'usr/bin/cb-agent', '--version'), r'^cb-agent \d')

    def test_checksums(self):
        run('sha256sum', '-c', 'SHA256SUMS', cwd=self.out)
        self.assertEqual(len((self.out / 'SHA256SUMS').read_text().splitlines()), len(list(self.out.iterdir())) - 1)

    def test_deb_installed_upgraded_removed(self):
        if os.geteuid() != 0 or not shutil.which('dpkg'):
            self.skipTest('needs root and dpkg')
        tree = pathlib.Path(self.folder, 'root')
        (tree / 'var/lib/dpkg/info').mkdir(parents=True)
        (tree / 'var/lib/dpkg/updates').mkdir()
        for name in ('status', 'available'):
            (tree / 'var/lib/dpkg' / name).touch()
        dpkg = ['dpkg', f'--root={tree}', '--force-script-chrootless', '--force-architecture', '--force-confold']
        for _ in range(2):  # The second is the upgrade: what the operator wrote stays.
            run(*dpkg, '-i', self.package('*.deb'))
            self.check_tree(tree, 'usr/lib/systemd/system/cb-agent.service', 'etc/init.d/cb-agent', CONFIG)
            (tree / CONFIG).write_text('interval: 5s\n')
        self.assertEqual((tree / CONFIG).read_text(), 'interval: 5s\n')
        run(*dpkg, '-r', 'cb-agent')
        self.assertFalse((tree / 'usr/bin/cb-agent').exists())
        self.assertTrue((tree / CONFIG).exists())
        run(*dpkg, '-P', 'cb-agent')
        self.assertFalse((tree / CONFIG).exists())

    def test_rpm_installed_and_removed(self):
        package = self.package('*.rpm')
        if os.geteuid() != 0:
            self.skipTest('needs root')
        tree = pathlib.Path(self.folder, 'root')
        tree.mkdir()
        rpm = ['rpm', '--root', tree]
        run(*rpm, '--initdb')
        run(*rpm, '--nodeps', '--noscripts', '-i', package)
        self.check_tree(tree, 'usr/lib/systemd/system/cb-agent.service', 'etc/init.d/cb-agent', CONFIG)
        self.assertIn(CONFIG, run(*rpm, '-q', '--configfiles', 'cb-agent'))
        run(*rpm, '--noscripts', '-e', 'cb-agent')
        self.assertFalse((tree / 'usr/bin/cb-agent').exists())

    def test_slackware_package_and_archive(self):
        tree = pathlib.Path(self.folder, 'slackware')
        tree.mkdir()
        run('tar', '-C', tree, '-xf', self.package('*.txz'))
        self.check_tree(tree, 'etc/rc.d/rc.cb-agent.new', CONFIG + '.new', 'install/slack-desc')
        run('sh', '-n', tree / 'install/doinst.sh')
        tree = pathlib.Path(self.folder, 'archive')
        tree.mkdir()
        run('tar', '-C', tree, '-xf', self.package('*.tar.gz'))
        self.check_tree(tree, CONFIG, 'usr/share/cb-agent/prepare_system', *(
            f'usr/share/cb-agent/init/cb-agent.{kind}' for kind in ('service', 'sysv', 'openrc')))


class InitSystems(E2e):
    def test_the_unit_is_valid_and_closed(self):
        if not shutil.which('systemd-analyze'):
            self.skipTest('systemd-analyze is not installed')
        unit = pathlib.Path(self.folder, 'cb-agent.service')
        unit.write_text((PARTS / 'cb-agent.service').read_text().replace('/usr/bin/cb-agent', f'{BIN}/cb-agent')
                        .replace('User=cb-agent', 'User=daemon').replace('Group=cb-agent', 'Group=daemon'))
        done = subprocess.run(['systemd-analyze', 'verify', '--man=no', unit], capture_output=True, text=True)
        self.assertNotIn('cb-agent.service', done.stderr)
        told = run('systemd-analyze', 'security', '--offline=true', '--threshold=30', unit)  # Tenths of "exposure".
        self.assertIn('Overall exposure level', told)

    def test_the_script_of_sysv_and_slackware(self):
        if os.geteuid() != 0 or not shutil.which('setsid'):
            self.skipTest('needs root and setsid')
        server = Server(self)
        config = pathlib.Path(self.folder, 'cb-agent.conf')
        config.write_text(f'server: {server.udp}\nkey: {server.key(self)}\ninterval: 1s\nspool-dir: {self.folder}/spool\n')
        pid = pathlib.Path(self.folder, 'pid')
        env = dict(os.environ, CB_AGENT=f'{BIN}/cb-agent', CB_AGENT_CONFIG=str(config), CB_AGENT_USER='root',
                   CB_AGENT_PIDFILE=str(pid), CB_AGENT_LOG=f'{self.folder}/log')

        def script(verb):
            return subprocess.run(['sh', PARTS / 'cb-agent.sysv', verb], env=env, capture_output=True, text=True, timeout=30)
        self.addCleanup(script, 'stop')
        self.assertEqual(script('status').returncode, 3)
        self.assertEqual(script('stop').returncode, 0)
        started = script('start')
        self.assertEqual(started.returncode, 0, started.stderr)
        self.assertIn('is running', script('start').stdout)
        self.assertEqual(script('status').returncode, 0)
        wait_until(lambda: server.try_get(vm_path() + '/metric/memory/rt-info') == 200, what='a row')
        self.assertEqual(script('stop').returncode, 0)
        self.assertEqual(script('status').returncode, 3)
        config.write_text('intervall: 1s\n')
        started = script('start')
        self.assertEqual(started.returncode, 1)
        self.assertIn('intervall', started.stderr)
        server.stop()

    def test_scripts_are_sound(self):
        if not shutil.which('shellcheck'):
            self.skipTest('shellcheck is not installed')
        run('shellcheck', '-s', 'sh', PARTS / 'cb-agent.sysv')
        run('shellcheck', '-s', 'sh', PARTS / 'prepare_system', PARTS / 'before_removal')


class OtherProcessors(E2e):
    EMULATORS = {'aarch64': ['qemu-aarch64-static'], 'armel': ['qemu-arm-static']}

    def test_each_runs_and_its_rows_arrive(self):
        found = {arch: ROOT / 'build' / f'agent-{arch}' / 'bin' / 'cb-agent' for arch in self.EMULATORS}
        if not all(path.exists() for path in found.values()) or not all(shutil.which(one) for one, in self.EMULATORS.values()):
            self.skipTest('not built: `make packages` builds them')
        server = Server(self)
        for arch, binary in found.items():
            sample = json.loads(run(*self.EMULATORS[arch], binary, '--once'))
            self.assertGreater(sample['groups']['memory']['mem_total'], 0)
            agent = Agent(self, server, server.key(self, vm=arch), args=['--spool-dir', f'{self.folder}/{arch}'],
                          wrap=self.EMULATORS[arch], program=binary)
            wait_until(lambda: server.try_get(vm_path(vm=arch) + '/metric/memory/rt-info') == 200, what=f'rows of {arch}')
            agent.stop()
        server.stop()


if __name__ == '__main__':
    unittest.main()
