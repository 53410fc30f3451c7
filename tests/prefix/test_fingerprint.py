from __future__ import annotations

import os

import pytest

from lite_env.prefix import fingerprint as module
from lite_env.prefix.fingerprint import fingerprint
from tests.prefixes import kernel_package, make_prefix, put


@pytest.fixture
def prefix(tmp_path):
    root = make_prefix(tmp_path / "env", kernel_package(), local={"lib/a.py": "one", "lib/link": ("->", "a.py")})
    put(root, "conda-meta/state", "{}")
    return root


def edit_unseen(root):
    """A change of content that leaves size and mtime as they were."""
    status = (root / "lib/a.py").stat()
    (root / "lib/a.py").write_text("two")
    os.utime(root / "lib/a.py", ns=(status.st_atime_ns, status.st_mtime_ns))


CHANGES = {
    "edited": edit_unseen,
    "replaced": lambda root: put(root, "lib/b.py", "one") or (root / "lib/b.py").replace(root / "lib/a.py"),
    "added": lambda root: put(root, "lib/b.py", ""),
    "removed": lambda root: (root / "lib/a.py").unlink(),
    "renamed": lambda root: (root / "lib/a.py").rename(root / "lib/b.py"),
    "made executable": lambda root: (root / "lib/a.py").chmod(0o755),
    "relinked": lambda root: (root / "lib/link").unlink() or (root / "lib/link").symlink_to("b.py"),
    "recorded": lambda root: (root / "conda-meta/state").write_text("[]"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_is_changed_changes_the_fingerprint(prefix, change):
    before = fingerprint(prefix)
    CHANGES[change](prefix)
    assert fingerprint(prefix) != before


def test_reading_changes_nothing(prefix):
    before = fingerprint(prefix)
    for path in prefix.rglob("*"):
        if path.is_file():
            path.read_bytes()
    assert fingerprint(prefix) == before


@pytest.mark.parametrize(("age", "waits"), [(1, True), (50_000_000, True), (-50_000_000, True), (1_000_000_000, False)])
def test_a_change_that_another_could_follow_within_one_tick_is_waited_for(prefix, monkeypatch, age, waits):
    newest = max(max(s.st_ctime_ns, s.st_mtime_ns) for s in (path.lstat() for path in prefix.rglob("*")))
    waited = []

    def sleep(seconds):
        waited.append(seconds)
        # The change that would not be seen: what is looked at before the wait is not the answer.
        put(prefix, "lib/late.py", "")

    monkeypatch.setattr(module.time, "time_ns", lambda: newest + age)
    monkeypatch.setattr(module.time, "sleep", sleep)
    found = fingerprint(prefix)
    assert bool(waited) is waits
    monkeypatch.undo()
    assert found == fingerprint(prefix)
