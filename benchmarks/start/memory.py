"""Memory of a kernel's worker: after the start, after numpy, and after a walk that reads every file.

Example: python -m benchmarks.start.memory
"""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.browser.cdp import Browser, ProtocolError, Session
from benchmarks.browser.meter import Meter, evaluate, process_memory
from benchmarks.browser.model import LINKS, NUMPY, Cell
from benchmarks.browser.server import CountingServer, Encoder, load_tree
from benchmarks.common import WORK, commit, machine, markdown_table, median, say, write_json
from benchmarks.environments import FULL, make_environment
from benchmarks.start.ours import ours
from benchmarks.start.peers import eager_2023, eager_today
from benchmarks.start.visit import ready_of, run_of
from lite_env.host.find import find_chromium
from lite_env.store.atomic import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.start.model import Variant

HERE = Path(__file__).parent
_ROUNDS = 3
_WALK = Cell(
    key="walk",
    code="""\
import os
files = total = 0
for folder, _, names in os.walk('/lib'):
    for name in names:
        with open(os.path.join(folder, name), 'rb') as file:
            total += len(file.read())
            files += 1
print('walked', files, total)
""",
    expected="walked",
)
_MODULE_BYTES = "globalThis.Module?.HEAP8?.length ?? globalThis.Module?.HEAPU8?.length ?? null"
_COLUMNS = {"heap": "JS heap", "buffers": "buffers", "wasm": "wasm memory", "rss": "process", "peak": "its peak"}


def main() -> None:
    """Measure, write ``memory.json`` and ``memory.md``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start.memory", description=__doc__)
    parser.add_argument("--rounds", type=int, default=_ROUNDS)
    parser.add_argument("-o", "--output", type=Path, default=HERE)
    given = parser.parse_args()
    full = make_environment("full", FULL)
    today = next(variant for variant in eager_today(full) if variant.key == "b")
    variants = (eager_2023(), today, ours(full, key="c", label="lite_env", own_page=True))
    found = asyncio.run(_measure(variants, given.rounds))
    about = {"commit": commit(), "machine": machine(), "rounds": given.rounds}
    write_json(given.output / "memory.json", {"about": about, "found": found})
    table = _table(variants, found)
    write_text(given.output / "memory.md", table)
    print(table)


async def _measure(variants: Sequence[Variant], rounds: int) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """For each variant and moment what was used, a round each."""
    program, encoder = find_chromium(), Encoder(WORK / "encoded")
    found: dict[str, dict[str, list[dict[str, Any]]]] = {variant.key: {} for variant in variants}
    with CountingServer() as server:
        for variant in variants:
            server.add(load_tree(variant.tree, f"/gzip/{variant.key}/", "gzip", encoder))
        for number in range(rounds):
            for variant in variants:
                say(f"memory, round {number + 1}: ({variant.key})")
                for moment, used in (await _visit(program, server, variant)).items():
                    found[variant.key].setdefault(moment, []).append(used)
    return found


async def _visit(program: Path, server: CountingServer, variant: Variant) -> dict[str, dict[str, Any]]:
    async with Browser(program) as browser:
        workers: list[Session] = []
        browser.on(
            "Target.attachedToTarget", lambda _parent, params: workers.append(browser.session(params["sessionId"]))
        )
        page = await Meter(browser, LINKS[0]).open()
        path = "bench.html" if variant.page is None else variant.page
        await page.send("Page.navigate", url=f"{server.url}gzip/{variant.key}/{path}")
        await evaluate(page, ready_of(variant))
        worker = next(session for session in workers if session.kind == "worker")
        found = {"start": await _used(browser, worker)}
        for cell in (NUMPY, _WALK):
            answer = await evaluate(page, run_of(variant, cell))
            if cell.expected not in answer["text"]:
                raise ProtocolError(f"({variant.key}): {cell.key} gave {answer['text'][-500:]!r}")
            found[cell.key] = await _used(browser, worker) | {"said": json.dumps(answer["text"])[-60:]}
        return found


async def _used(browser: Browser, worker: Session) -> dict[str, Any]:
    """Bytes of the worker after a collection of garbage, and of the page's process."""
    await worker.send("HeapProfiler.collectGarbage")
    heap = await worker.send("Runtime.getHeapUsage")
    wasm = await worker.send("Runtime.evaluate", expression=_MODULE_BYTES, returnByValue=True)
    rss, peak = await process_memory(browser)
    return {
        "heap": heap["usedSize"],
        "buffers": heap.get("backingStorageSize"),
        "wasm": wasm["result"].get("value"),
        "rss": rss,
        "peak": peak,
    }


def _table(variants: Sequence[Variant], found: dict[str, dict[str, list[dict[str, Any]]]]) -> str:
    rows = [
        [
            f"({variant.key}) {variant.label}, {moment}",
            *(_megabytes([used[key] for used in rounds]) for key in _COLUMNS),
        ]
        for variant in variants
        for moment, rounds in found[variant.key].items()
    ]
    return markdown_table(["MB", *_COLUMNS.values()], rows)


def _megabytes(values: Sequence[float | None]) -> str:
    known = median([value for value in values if value is not None])
    return "-" if known is None else f"{known / 1e6:.0f}"


if __name__ == "__main__":
    main()
