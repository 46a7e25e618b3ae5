"""A headless browser, driven by WebDriver (W3C) over plain HTTP: what a page looks like after its scripts ran."""
import json
import shutil
import subprocess
import tempfile
import urllib.request

from harness import wait_until

ARGUMENTS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
             '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage']


def missing():
    """What is not installed, or None."""
    return next((name for name in ('chromium', 'chromedriver') if shutil.which(name) is None), None)


class Browser:
    def __init__(self, test):
        profile = tempfile.TemporaryDirectory(prefix='dragonfly-chromium-', ignore_cleanup_errors=True)
        test.addCleanup(profile.cleanup)
        self.driver = subprocess.Popen(['chromedriver', '--port=0'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        test.addCleanup(self.stop)
        port = None
        while port is None:
            line = self.driver.stdout.readline()
            if not line:
                raise AssertionError('chromedriver ended at its start')
            if 'started successfully on port' in line:
                port = int(line.rsplit('port', 1)[1].strip(' .\n'))
        self.base = f'http://127.0.0.1:{port}'
        options = {'binary': shutil.which('chromium'), 'args': [*ARGUMENTS, f'--user-data-dir={profile.name}']}
        self.session = None
        self.session = self.call('POST', '/session', {'capabilities': {'alwaysMatch': {'goog:chromeOptions': options}}})['sessionId']

    def call(self, method, path, body=None):
        url = self.base + (path if path == '/session' else f'/session/{self.session}{path}')
        request = urllib.request.Request(url, method=method, data=None if body is None else json.dumps(body).encode(),
                                         headers={'Content-Type': 'application/json'})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)['value']

    def open(self, url):
        self.call('POST', '/url', {'url': url})

    def script(self, text):
        return self.call('POST', '/execute/sync', {'script': text, 'args': []})

    def text(self):
        return self.script('return document.body.innerText')

    def wait_script(self, text, timeout_s=20):
        wait_until(lambda: self.script(text), timeout_s, text)

    def stop(self):
        if self.session:
            try:
                self.call('DELETE', '')
            except OSError:
                pass
        self.driver.terminate()
        self.driver.wait(10)
        self.driver.stdout.close()
