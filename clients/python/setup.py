"""Makes the stubs of sluice.v1 with protoc as the package is built: they are in
the wheel, and never in the tree. pyproject.toml has all the rest."""

import pathlib
import shutil
import subprocess

from setuptools import setup
from setuptools.command.build_py import build_py

PROTOS = pathlib.Path(__file__).resolve().parents[2] / 'protos'


class BuildWithStubs(build_py):

    def run(self):
        super().run()
        plugin = shutil.which('grpc_python_plugin')
        if not (plugin and shutil.which('protoc')):
            raise SystemExit('protoc or grpc_python_plugin is missing: apt-get install protobuf-compiler-grpc')
        out = self.build_lib
        subprocess.run(
            ['protoc', f'-I{PROTOS}', f'--python_out={out}', f'--pyi_out={out}', f'--grpc_out={out}',
             f'--plugin=protoc-gen-grpc={plugin}', *sorted(PROTOS.glob('sluice/v1/*.proto'))],
            check=True)
        (pathlib.Path(out) / 'sluice/v1/__init__.py').touch()


setup(cmdclass={'build_py': BuildWithStubs})
