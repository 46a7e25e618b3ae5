"""An ext4 of a test's own, on an image: it may be full, or lose its power, and nobody else notices. Needs root."""
import os
import pathlib
import shutil
import subprocess


class Disk:
    """Mounted at `path`; skips the test where that is not allowed here."""

    def __init__(self, test, size, features=''):
        if os.geteuid() != 0:
            test.skipTest('needs root: mounts a file system')
        if not shutil.which('mkfs.ext4'):
            test.skipTest('mkfs.ext4 is not installed')
        self.size, self.features = size, features
        self.path = pathlib.Path(test.folder, 'disk')
        self.path.mkdir()
        self.image = pathlib.Path(test.folder, 'image')
        self.format()
        mounted = self.mount()
        if mounted.returncode != 0:
            test.skipTest(f'no loop device: {mounted.stderr.strip()}')
        test.addCleanup(subprocess.run, ['umount', str(self.path)], check=True)

    def format(self):
        """Anew; not while it is mounted."""
        self.image.unlink(missing_ok=True)
        with open(self.image, 'wb') as file:
            file.truncate(self.size)
        features = ['-E', self.features] if self.features else []
        subprocess.run(['mkfs.ext4', '-q', '-F', '-m', '0', *features, str(self.image)], check=True, capture_output=True)

    def mount(self):
        return subprocess.run(['mount', '-o', 'loop', str(self.image), str(self.path)], capture_output=True, text=True)

    def umount(self):
        subprocess.run(['umount', str(self.path)], check=True, capture_output=True)
