"""Each rule of tools/tidy finds what it should, and nothing else."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

TIDY = pathlib.Path(__file__).resolve().parents[2] / 'tools' / 'tidy'
GOOD_HEADER = ('// Thing: does it.\n//\n// Units      none.\n// Ownership  none.\n// Threading  pure.\n'
               '// Errors     none.\n// Limits     none.\n#pragma once\n')


class Tidy(unittest.TestCase):
    def f(self, rule, files, expected):
        """Runs one rule over `files`; each expected text occurs in the findings; None = there are none."""
        with tempfile.TemporaryDirectory() as root:
            for name, text in files.items():
                path = pathlib.Path(root, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            done = subprocess.run([sys.executable, TIDY, '--root', root, '--rule', rule], capture_output=True, text=True)
        if expected is None:
            self.assertEqual((done.returncode, done.stdout), (0, ''))
        else:
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn(expected, done.stdout)

    def test_labels(self):
        self.f('labels', {'src/base/core/a.h': GOOD_HEADER}, None)
        self.f('labels', {'src/base/core/a.h': GOOD_HEADER.replace('Limits', 'Bounds')}, 'no label Limits')
        self.f('labels', {'src/base/core/internal/a.h': '#pragma once\n'}, None)
        self.f('labels', {'src/edge/agent/a.h': '#pragma once\n'}, 'opens with a description')

    def test_banned(self):
        self.f('banned', {'src/live/head/a.cc': 'auto t = std::chrono::steady_clock::now();\n'}, 'a.cc:1:')
        self.f('banned', {'src/base/rt/a.cc': 'auto t = std::chrono::steady_clock::now();\n'}, None)
        self.f('banned', {'src/live/head/a_test.cc': 'std::this_thread::sleep_for(1ms);\n'}, None)
        self.f('banned', {'src/live/head/a.cc': 'x = time(nullptr);\n'}, 'Clock&')
        self.f('banned', {'src/live/head/a.cc': '// like time(nullptr)\nf("rand()");\n'}, None)
        self.f('banned', {'src/live/head/a.cc': 'Moment Shooter::now() const {\n'}, None)
        self.f('banned', {'src/live/head/a.cc': '\n\nint x = rand();\n'}, 'a.cc:3:')
        self.f('banned', {'src/live/head/a.cc': 'int x = operand(1) + set.rand(2);\n'}, None)

    def test_fuzz(self):
        self.f('fuzz', {'src/model/row/a_codec.cc': ''}, 'no fuzz target')
        self.f('fuzz', {'src/live/head/a_reader.cc': '// Reads no foreign bytes: they were checked.'}, None)
        self.f('fuzz', {'src/model/row/a_codec.cc': '', 'src/model/row/a_codec_fuzz.cc': ''}, None)
        self.f('fuzz', {'src/model/row/a_codec.cc': '', 'src/model/row/x_fuzz.cc': '#include "model/row/a_codec.h"'}, None)
        self.f('fuzz', {'src/model/row/a_codec.cc': '', 'src/model/row/x_fuzz.cc': '#include "model/row/b.h"'}, 'no fuzz')

    def test_mutex(self):
        self.f('mutex', {'src/live/head/a.cc': 'std::mutex m;\n'}, 'say why')
        self.f('mutex', {'src/live/head/a.cc': '// Two threads answer.\nstd::mutex m;\n'}, None)
        self.f('mutex', {'src/base/obs/a.cc': 'std::mutex m;\n'}, None)
        self.f('mutex', {'src/live/head/a.cc': 'std::mutex m;\n', 'src/live/head/README.md': 'The lock is short.'}, None)
        self.f('mutex', {'src/live/head/a.h': '// Threading  any thread, a short lock.\nstd::mutex m;\n'}, None)

    def test_includes(self):
        self.f('includes', {'src/live/head/a.cc': '#include "a.h"\n'}, 'full path')
        self.f('includes', {'src/live/head/a.cc': '#include "live/head/a.h"\n#include <vector>\n'}, None)

    def test_marks_and_paths(self):
        self.f('marks', {'src/live/head/a.cc': '// TO' + 'DO later\n'}, 'finish it')
        self.f('paths', {'README.md': 'cd /home/' + 'somebody/tree\n'}, 'path of a machine')
        self.f('paths', {'README.md': 'data lies in /var/lib/cb-dragonfly\n'}, None)

    def test_architecture(self):
        modules = 'df_module(base/core)\ndf_module(base/rt DEPS base/core)\n'
        page = 'docs/architecture.md'
        self.f('architecture', {'src/CMakeLists.txt': modules, page: '### base/core\n### base/rt\n'}, None)
        self.f('architecture', {'src/CMakeLists.txt': modules, page: '### base/core\n'}, 'no heading "### base/rt"')
        self.f('architecture', {'src/CMakeLists.txt': modules, page: '### base/rt\n### base/core\n'}, 'order')
        self.f('architecture', {'src/CMakeLists.txt': modules, page: '### base/core\n### base/rt\n### base/x\n'}, 'base/x')
        self.f('architecture', {'src/CMakeLists.txt': modules, page: '### base/core\n### base/rt\n',
                                'src/base/y/a.cc': ''}, 'lies in no module')

    def test_adr_size_formats(self):
        self.f('adr', {'docs/adr/0001-a.md': '', 'docs/adr/README.md': '[a](0001-a.md)'}, None)
        self.f('adr', {'docs/adr/0001-a.md': '', 'docs/adr/README.md': ''}, 'does not name 0001-a.md')
        self.f('adr', {'docs/adr/README.md': '[b](0002-b.md)'}, 'which is not there')
        self.f('size', {'src/live/head/a.cc': '\n' * 600}, None)
        self.f('size', {'src/live/head/a.cc': '\n' * 601}, 'more than 600')
        self.f('formats', {'src/store/log/a.h': '// docs/formats/log.md'}, 'not there')
        self.f('formats', {'src/store/log/a.h': '// docs/formats/log.md', 'docs/formats/log.md': ''}, None)

    def test_limits(self):
        code = {'src/a/b/c.h': 'constexpr int kThingsMax = 1;\nf("queue.size", "dragonfly_drops_total");\n'}
        page = '| things | 1 | `kThingsMax`, `queue.size` | `dragonfly_drops_total` |\n'
        self.f('limits', code | {'docs/limits.md': page}, None)
        self.f('limits', code | {'docs/limits.md': page.replace('kThings', 'kOthers')}, 'limits.md:1: names kOthersMax')
        self.f('limits', code | {'docs/limits.md': page.replace('queue.size', 'queue.length')}, 'names queue.length')
        self.f('limits', code | {'docs/limits.md': page.replace('drops', 'losses')}, 'names dragonfly_losses_total')


if __name__ == '__main__':
    unittest.main()
