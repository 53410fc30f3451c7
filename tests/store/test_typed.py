"""Types that two threads meet for the first time: msgspec alone ends the process then."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "lite_env"

RACE = """
import sys, threading
import msgspec
from lite_env.store.typed import decode_json

sys.setswitchinterval(1e-6)
decode = {decode}
fields = [(f"f{{j}}", "dict[str, list[int] | None]") for j in range(20)]
parts = {{f"f{{j}}": {{"x": [1]}} for j in range(20)}}

def first_look(type_, data, together):
    together.wait()
    assert decode(data, type_).a0.f0 == {{"x": [1]}}

for number in range({types}):
    outer = msgspec.defstruct("Outer", [(f"a{{i}}", msgspec.defstruct(f"Inner{{i}}", fields)) for i in range(5)])
    data = msgspec.json.encode({{f"a{{i}}": parts for i in range(5)}})
    together = threading.Barrier(2)
    threads = [threading.Thread(target=first_look, args=(outer, data, together)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def race(decode, types):
    return subprocess.run([sys.executable, "-c", RACE.format(decode=decode, types=types)], check=False, timeout=300)


def test_two_threads_meet_a_type():
    assert race("decode_json", types=60).returncode == 0


def test_what_msgspec_does_alone():
    """When this fails, the lock can go."""
    assert race("lambda data, type_: msgspec.json.decode(data, type=type_)", types=300).returncode < 0


def test_nobody_decodes_to_types_but_the_one_place():
    alone = re.compile(r"msgspec\.(json\.decode\(.*type=|convert\((?!value, known))")
    found = [path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if alone.search(path.read_text())]
    assert found == ["store/typed.py"]
