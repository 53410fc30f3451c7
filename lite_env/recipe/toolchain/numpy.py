"""The numpy that builds import: the machine's, with the headers of the one that is built for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lite_env.channel.member import read_archive
from lite_env.channel.model import Source
from lite_env.channel.sources import fetch_source
from lite_env.errors import ChannelError
from lite_env.store.location import cache_directory

if TYPE_CHECKING:
    from lite_env.progress import Reporter
    from lite_env.store.protocol import Store

VERSION = "1.25.2"
"""Of the numpy that is built against: extensions run with it and with later ones."""

# By conda's name of the machine and Python's minor version.
WHEELS = {
    ("linux-64", "3.11"): Source(
        name="numpy",
        pip=f"numpy=={VERSION}",
        file=f"numpy-{VERSION}-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        sha256="60e7f0f7f6d0eee8364b9a6304c2845b9c491ac706048c7e8cf47b83123b8dbf",
        size=18209344,
    ),
}
"""Of each machine the wheel."""

_CONFIGURATION = "numpy/core/include/numpy/_numpyconfig.h"
# All that is another in wasm32: what else follows the target is said in terms of Python's own configuration.
_POINTER = re.compile(rb"(#define NPY_SIZEOF_PY_INTPTR_T) 8\b")


def build_numpy(
    subdir: str, minor: str, *, store: Store, offline: bool, reporter: Reporter
) -> tuple[tuple[str, bytes, bool], ...]:
    """Path below site-packages, content, and whether it is a program, of each file; none where there is no wheel.

    Args:
        subdir: conda's name for the machine.
        minor: version of its Python.
        store: keeps the wheel.
        offline: fetch nothing.
        reporter: told of bytes.

    Raises:
        FetchError: the wheel cannot be had.
        ChannelError: it is another one than is expected.
    """
    source = WHEELS.get((subdir, minor))
    if source is None:
        return ()
    downloads = cache_directory("downloads")
    data = fetch_source(source, store=store, downloads=downloads, offline=offline, reporter=reporter)
    files = {file.path: file for file in read_archive(data, name=source.file)}
    configuration, found = _POINTER.subn(rb"\1 4", files[_CONFIGURATION].data)
    if found != 1:
        raise ChannelError("numpy's configuration is another one than is expected", file=source.file)
    return tuple(
        (path, configuration if path == _CONFIGURATION else file.data, file.executable)
        for path, file in sorted(files.items())
        if ".data/" not in path
    )
