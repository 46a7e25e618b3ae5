"""runner.py MODULE --report FILE [--only TEXT]: runs one file of end-to-end tests, writes its cases as JSON."""
import argparse
import json
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))


class Reporter(unittest.TextTestResult):
    def __init__(self, *args):
        super().__init__(*args)
        self.cases = {}

    def _put(self, test, outcome, reason=''):
        name = test.id()
        if self.cases.get(name, {}).get('outcome') != 'failed':
            self.cases[name] = {'name': name, 'outcome': outcome, 'reason': reason}

    def startTest(self, test):
        self.started_at = time.monotonic()
        super().startTest(test)

    def stopTest(self, test):
        self.stream.writeln(f'  {time.monotonic() - self.started_at:.1f} s')
        super().stopTest(test)

    def addSuccess(self, test):
        super().addSuccess(test)
        self._put(test, 'passed')

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._put(test, 'failed')

    def addError(self, test, err):
        super().addError(test, err)
        self._put(test, 'failed')

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._put(test, 'failed')

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._put(test, 'skipped', reason)

    def addExpectedFailure(self, test, err):
        raise AssertionError('expected failures are not used here')


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('module')
    parser.add_argument('--report', type=pathlib.Path)
    parser.add_argument('--only', help='cases whose name contains this')
    args = parser.parse_args()
    loader = unittest.TestLoader()
    if args.only:
        loader.testNamePatterns = [f'*{args.only}*']
    suite = loader.loadTestsFromName(args.module)
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Reporter).run(suite)
    cases = list(result.cases.values())
    if args.report:
        args.report.write_text(json.dumps(cases))
    sys.exit(0 if cases and result.wasSuccessful() else 1)


if __name__ == '__main__':
    main()
