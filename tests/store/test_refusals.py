"""A refusal of the system is told as what it is, whoever was reading: never as a file that is damaged or not there."""

from __future__ import annotations

import json
import sys
from contextlib import suppress

import pytest

from lite_env.channel.definition import load_definition
from lite_env.errors import LiteEnvError
from lite_env.host.notebook import read_notebook
from lite_env.lock.file import read_lock
from lite_env.pack.files import read_pack_file
from lite_env.pack.filters import read_filter
from lite_env.pack.profile import read_profile
from lite_env.pack.reader import read_manifest
from lite_env.prefix.record import read_json_object
from lite_env.spec.environment import read_environment
from lite_env.workflow.workload import read_workloads

NAME = "given.py"
READERS = {
    "channel": load_definition,
    "environment": lambda folder: read_environment(folder / NAME),
    "filter": lambda folder: read_filter(folder / NAME),
    "lock": lambda folder: read_lock(folder / NAME),
    "manifest": read_manifest,
    "notebook": lambda folder: read_notebook(folder / NAME),
    "file of a pack": lambda folder: read_pack_file(folder, NAME, limit=100),
    "profile": lambda folder: read_profile(folder / NAME),
    "record": lambda folder: read_json_object(folder / NAME),
    "workload": lambda folder: read_workloads([folder / NAME]),
}


@pytest.fixture
def folder(tmp_path):
    for name in (NAME, "channel.yaml", "manifest.json"):
        (tmp_path / name).write_text(json.dumps({"x": 1}))
    return tmp_path


@pytest.mark.skipif(sys.platform == "win32", reason="the limit is of POSIX systems")
@pytest.mark.parametrize("reader", READERS)
def test_too_many_open_files_are_no_fault_of_the_file(reader, folder):
    import resource  # noqa: PLC0415 - POSIX systems alone have it

    read = READERS[reader]
    with suppress(LiteEnvError):
        read(folder)  # What is imported late needs files as well.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        with pytest.raises(LiteEnvError) as caught:
            read(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert "cannot be read: Too many open files" in caught.value.message
    assert "ulimit -n" in caught.value.hint
    assert dict(caught.value.context)["file"].startswith(str(folder))


@pytest.mark.parametrize("reader", READERS)
def test_what_is_not_there_is_said_to_be_missing(reader, tmp_path):
    with pytest.raises(LiteEnvError) as caught:
        READERS[reader](tmp_path)
    assert caught.value.hint
    assert "ulimit" not in caught.value.hint
