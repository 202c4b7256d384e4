"""setuptools as the build backend: the distribution's where it has one, so that
`pip install .` needs no network, and the index's otherwise."""

import sys

sys.path.append('/usr/lib/python3/dist-packages')  # Debian's; pip's isolation hides it

try:
    import wheel  # noqa: F401  what setuptools would have pip fetch
    from setuptools.build_meta import *  # noqa: F401,F403
    _REQUIRES = []
except ImportError:
    _REQUIRES = ['setuptools>=61', 'wheel']


def get_requires_for_build_wheel(config_settings=None):
    return _REQUIRES
