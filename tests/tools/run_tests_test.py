"""The test runner counts single cases, and calls nothing passed that did not run."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

RUN_TESTS = pathlib.Path(__file__).resolve().parents[2] / 'scripts' / 'run_tests'
XML = '<testsuites><testsuite name="A">{}</testsuite></testsuites>'
PASSED = '<testcase name="p" status="run" result="completed" classname="A"/>'
FAILED = '<testcase name="f" status="run" result="completed" classname="A"><failure message="x"/></testcase>'
SKIPPED = '<testcase name="s" status="run" result="skipped" classname="A"><skipped message="x"/></testcase>'


class RunTests(unittest.TestCase):
    def f(self, programs, expected, code):
        """`programs`: name → (gtest cases or None for a plain program, exit code or None for one that is missing)."""
        with tempfile.TemporaryDirectory() as folder:
            lines = []
            for name, (cases, status) in programs.items():
                program = pathlib.Path(folder, name)
                report = '' if cases is None else f"echo '{XML.format(cases)}' > \"${{GTEST_OUTPUT#xml:}}{name}.xml\"\n"
                if status is not None:
                    program.write_text(f'#!/bin/sh\n{report}exit {status}\n')
                    program.chmod(0o755)
                lines.append(f'add_test({name} "{program}")\n')
            pathlib.Path(folder, 'CTestTestfile.cmake').write_text(''.join(lines))
            done = subprocess.run([sys.executable, RUN_TESTS, '--build', folder, '--no-e2e'], capture_output=True, text=True)
        self.assertEqual(done.stdout.strip().split('\n')[-1], expected, done.stdout + done.stderr)
        self.assertEqual(done.returncode, code)

    def test_counts(self):
        self.f({'a': (PASSED + SKIPPED + PASSED, 0)}, '2 passed, 0 failed, 1 skipped', 0)
        self.f({'a': (PASSED + FAILED, 1), 'b': (PASSED, 0)}, '2 passed, 1 failed, 0 skipped', 1)
        self.f({'a': (None, 0), 'b': (None, 1)}, '1 passed, 1 failed, 0 skipped', 1)
        self.f({'a': (PASSED, 1)}, '1 passed, 1 failed, 0 skipped', 1)  # A leak that the sanitizer reports at exit.
        self.f({'a': (PASSED, 0), 'b': (None, None)}, '1 passed, 1 failed, 0 skipped', 1)  # Never built.
        self.f({'a': (SKIPPED, 0)}, '0 passed, 0 failed, 1 skipped', 1)  # Nothing ran.
        self.f({}, '0 passed, 0 failed, 0 skipped', 1)


if __name__ == '__main__':
    unittest.main()
