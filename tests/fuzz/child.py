"""Feeds inputs to parsers, under limits: ``python -m tests.fuzz.child SEED COUNT PARSER…`` in a process of its own.

Each input's number is written before it is tried, so that the parent knows which one ended the process.
"""

from __future__ import annotations

import resource
import signal
import sys
import tempfile
import traceback
from pathlib import Path

from lite_env.errors import LiteEnvError
from lite_env.store.plain import format_error
from tests.fuzz.inputs import Inputs
from tests.fuzz.parsers import make_parsers

MEMORY = 500 << 20
"""Bytes of address space beyond those that the libraries take."""
SECONDS = 20.0
"""Of one input, of this process' own time: a busy machine is no fault."""
LONGEST = 20_000
"""Characters of an error."""


def main(seed: int, count: int, names: list[str]) -> None:
    # Inputs that do not end are ended by the signal's default: the code may be one that no exception reaches.
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    with tempfile.TemporaryDirectory() as folder:
        parsers = make_parsers(Path(folder))
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        for name in names or sorted(parsers):
            parser = parsers[name]
            inputs = Inputs(parser.seeds, parser.form, f"{name} {seed}")
            answers = {"read": 0, "refused": 0}
            for number in range(count):
                data = inputs.next()
                print(f"{name} {number}", flush=True)
                signal.setitimer(signal.ITIMER_PROF, SECONDS)
                fault = _fault(parser.parse, data, answers)
                signal.setitimer(signal.ITIMER_PROF, 0)
                if fault:
                    print(f"FAULT {name} {number}: {data[:300]!r}\n{fault}", file=sys.stderr, flush=True)
            print(f"done {name}: {answers}", flush=True)


def _fault(parse, data: bytes, answers: dict[str, int]) -> str | None:
    try:
        parse(data)
    except LiteEnvError as error:
        answers["refused"] += 1
        text = format_error(error)
        text.encode()
        return f"an error of {len(text):,} characters: {text[:300]}" if len(text) > LONGEST else None
    except BaseException:  # noqa: BLE001 - rattler's panics too: whatever it is, it is told
        return traceback.format_exc(limit=-6)[-3000:]
    answers["read"] += 1
    return None


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
