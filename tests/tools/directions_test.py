"""df_module stops the configure step on a dependency that points the wrong way, and names it."""
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Directions(unittest.TestCase):
    def f(self, modules, expected):
        """Configures a tree that declares `modules`; expected None = it configures."""
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, 'CMakeLists.txt').write_text(
                'cmake_minimum_required(VERSION 3.25)\nproject(directions LANGUAGES NONE)\n'
                f'add_library(df_flags INTERFACE)\ninclude({ROOT}/cmake/df_module.cmake)\n' +
                ''.join(f'df_module({module})\n' for module in modules))
            for module in modules:  # Header-only modules: this is about who may lean on whom.
                path = pathlib.Path(folder, module.split()[0])
                path.mkdir(parents=True)
                (path / 'CMakeLists.txt').write_text('df_sources()\n')
            done = subprocess.run(['cmake', '-S', folder, '-B', folder + '/out', '-G', 'Ninja'], capture_output=True,
                                  text=True)
        if expected is None:
            self.assertEqual(done.returncode, 0, done.stderr)
        else:
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(expected, ' '.join(done.stderr.split()))

    def test_directions(self):
        self.f(['base/core', 'model/flow DEPS base/core', 'live/head DEPS model/flow', 'query/statistics DEPS model/flow'],
               None)
        self.f(['model/flow', 'base/core DEPS model/flow'], 'base/core may not depend on model/flow')
        self.f(['model/flow', 'live/head DEPS model/flow', 'store/log DEPS live/head'],
               'store/log may not depend on live/head')
        self.f(['store/log', 'store/tsdb DEPS store/log'], None)
        self.f(['live/head', 'query/statistics DEPS live/head'], 'use the interfaces of model/flow')
        self.f(['store/tsdb', 'surface/api DEPS store/tsdb'], 'use the interfaces of model/flow')
        self.f(['fleet/policy', 'surface/api DEPS fleet/policy'], None)
        self.f(['base/core DEPS base/rt', 'base/rt'], 'not declared above it')
        self.f(['base/core', 'elsewhere/thing DEPS base/core'], 'unknown stage')

    def test_a_missing_file_stops_the_configuration(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, 'CMakeLists.txt').write_text(
                'cmake_minimum_required(VERSION 3.25)\nproject(missing LANGUAGES CXX)\n'
                f'add_library(df_flags INTERFACE)\ninclude({ROOT}/cmake/df_module.cmake)\ndf_module(base/core)\n')
            pathlib.Path(folder, 'base/core').mkdir(parents=True)
            pathlib.Path(folder, 'base/core/CMakeLists.txt').write_text('df_sources(SOURCES gone.cc)\n')
            done = subprocess.run(['cmake', '-S', folder, '-B', folder + '/out', '-G', 'Ninja'], capture_output=True, text=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('gone.cc', done.stderr)


if __name__ == '__main__':
    unittest.main()
