"""Measures second visits and restarts in several engines: plain ones and restored ones, in turns in one profile.

Example: python -m benchmarks.start.engines --quick
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.browser.model import FIRST, NUMPY
from benchmarks.browser.server import CountingServer, Encoder, load_tree
from benchmarks.common import WORK, about_visits, conditions, markdown_table, median, say, write_json
from benchmarks.environments import LEAN, make_environment
from benchmarks.science.trees import CHANNEL as PYODIDE
from benchmarks.start.ours import ours
from lite_env.store.atomic import write_text
from tests.browser.engines.engine import call, evaluate, wait_for
from tests.browser.test_three_engines import start_browser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from benchmarks.environments import Environment
    from tests.browser.engines.engine import Browser

HERE = Path(__file__).parent
ENGINES = ("chromium", "firefox", "webkit")
_ROUNDS = 5
_GOALS = ("ready", "1+1", "numpy", "restart")
_WAYS = {"plain": "?snapshot=off", "restored": ""}
# Who asks a page comes late, so it notes the moment itself.
_NOTE = ";liteEnv.ready.then(() => { globalThis.readyAt = performance.now(); });\n"
_KEPT = "Object.keys(localStorage).some(key => key.startsWith('lite-env-snapshot '))"
# A profile of WebKit's in memory forgets a cache that nobody has open: one page, without a kernel, keeps them open.
_HOLD = """(async () => {
  globalThis.held = await Promise.all((await caches.keys()).map(name => caches.open(name)));
})()"""
_RUN = """async code => {
  const begin = performance.now();
  const { text, status } = await liteEnv.execute(code);
  return { status, text, seconds: (performance.now() - begin) / 1000 };
}"""
# The button is off while a kernel starts.
_RESTART = """async () => {
  const button = [...document.querySelectorAll('button')].find(one => one.innerText === 'Restart');
  const turn = () => new Promise(resolve => setTimeout(resolve, 5));
  while (button.disabled) await turn();
  const begin = performance.now();
  button.click();
  while (!button.disabled) await turn();
  while (button.disabled) await turn();
  const { text } = await liteEnv.execute('print(1 + 1)');
  return { text, seconds: (performance.now() - begin) / 1000 };
}"""
_REST_SECONDS = 2.0
"""Between two visits: what the one before leaves to be written and freed."""
GROUPS: dict[str, tuple[str, Callable[[], Environment]]] = {
    "xpython": ("xeus-python", lambda: make_environment("lean", LEAN)),
    "pyodide": (
        "Pyodide 0.27",
        lambda: make_environment("pyodide-numpy", ("numpy", "pyodide-kernel"), channel=PYODIDE),
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Visited:
    """What one visit gave: seconds from the opening of the page to each of the goals, and those that a restart took."""

    engine: str
    group: str
    way: str
    seconds: tuple[float, ...]


def main() -> None:
    """Measure, and write the results when all of it is there."""
    given, output = _parse()
    begin = time.monotonic()
    rounds = 1 if given.quick else given.rounds
    versions: dict[str, str] = {}
    visits: list[Visited] = []
    with CountingServer() as server:
        for group in given.groups:
            title, make = GROUPS[group]
            tree = ours(make(), key=f"engines-{group}", label=title, own_page=True).tree
            (script,) = tree.glob("**/page.js")
            write_text(script, script.read_text(encoding="utf-8") + _NOTE)
            server.add(load_tree(tree, f"/gzip/{group}/", "gzip", Encoder(WORK / "encoded")))
        for engine in given.engines:
            for group in given.groups:
                with tempfile.TemporaryDirectory() as folder:
                    browser = start_browser(engine, Path(folder) / "profile")
                    try:
                        versions[engine] = browser.version
                        visits += _measure(browser, f"{server.url}gzip/{group}/", group, rounds)
                    finally:
                        browser.close()
    about = about_visits(rounds, time.monotonic() - begin)
    result = {"about": about, "versions": versions, "visits": [asdict(visit) for visit in visits]}
    output.mkdir(parents=True, exist_ok=True)
    write_json(output / "engines.json", result)
    render(output)


def _measure(browser: Browser, url: str, group: str, rounds: int) -> Iterable[Visited]:
    """A first visit that leaves a snapshot, then rounds of one visit in each way."""
    first = browser.new_page()
    first.open(url)
    wait_for(first, _KEPT)
    if browser.name == "webkit":
        holder = browser.new_page()
        holder.open(f"{url}no-such-page")
        evaluate(holder, _HOLD)
    first.close()
    for number in range(rounds):
        ways = list(_WAYS)
        for way in ways if number % 2 == 0 else ways[::-1]:
            time.sleep(_REST_SECONDS)
            visited = Visited(engine=browser.name, group=group, way=way, seconds=_visit(browser, url, way))
            say(f"[{number + 1}/{rounds}] {browser.name}, {group}, {way}: {visited.seconds}")
            yield visited


def _visit(browser: Browser, url: str, way: str) -> tuple[float, ...]:
    page = browser.new_page()
    page.open(url + _WAYS[way])
    seconds = [wait_for(page, "globalThis.readyAt") / 1000]
    for cell in (FIRST, NUMPY):
        answer = call(page, _RUN, cell.code)
        if answer["status"] != "ok" or cell.expected not in answer["text"]:
            raise SystemExit(f"error: {way}, {cell.key}: {answer}")
        seconds.append(seconds[-1] + answer["seconds"])
    snapshot = evaluate(page, "liteEnv.figures().then(figures => figures.snapshot)")
    if (way == "restored") is not bool(snapshot and snapshot["seconds"] is not None):
        raise SystemExit(f"error: {way}: {snapshot}")
    answer = call(page, _RESTART)
    if answer["text"].strip() != "2":
        raise SystemExit(f"error: {way}, restart: {answer}")
    seconds.append(answer["seconds"])
    page.close()
    return tuple(round(second, 3) for second in seconds)


def render(output: Path) -> None:
    """Write the tables from ``engines.json``."""
    result = json.loads((output / "engines.json").read_text(encoding="utf-8"))
    about, versions = result["about"], result["versions"]
    browsers = ", ".join(f"{engine} {version}" for engine, version in versions.items())
    parts = [
        "# Second visits and restarts in three engines",
        f"{about['date']}, commit {about['commit']}, {browsers}, {conditions(about)}.",
        "Seconds from the opening of the page to the kernel's first answer, to `1+1` and to numpy's first result.",
        "The last column: seconds from a click on Restart to the result of `1+1`.",
    ]
    for group, (title, _) in GROUPS.items():
        visits = [visit for visit in result["visits"] if visit["group"] == group]
        if visits:
            parts += [f"## {title}", _table(visits, list(versions))]
    text = "\n\n".join(part.strip("\n") for part in parts) + "\n"
    write_text(output / "engines.md", text)
    print(text)


def _table(visits: Sequence[dict[str, Any]], engines: Sequence[str]) -> str:
    rows = []
    goals = _GOALS[: len(visits[0]["seconds"])]
    for engine in engines:
        columns: dict[str, list[list[float]]] = {
            way: [
                [visit["seconds"][at] for visit in visits if (visit["engine"], visit["way"]) == (engine, way)]
                for at in range(len(goals))
            ]
            for way in _WAYS
        }
        rows += [[f"{engine}, {way}", *map(_spread, columns[way])] for way in _WAYS]
        pairs = zip(columns["restored"], columns["plain"], strict=True)
        rows.append([f"{engine}, ratio", *(_ratio(median(one), median(other)) for one, other in pairs)])
    return markdown_table(["second visit", *goals], rows)


def _spread(values: Sequence[float]) -> str:
    middle = median(values)
    return "-" if middle is None else f"{middle:.2f} ({min(values):.2f}-{max(values):.2f})"


def _ratio(one: float | None, other: float | None) -> str:
    return "-" if one is None or not other else f"{one / other:.2f}"


def _parse() -> tuple[argparse.Namespace, Path]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start.engines", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round; results below .build only")
    parser.add_argument("--rounds", type=int, default=_ROUNDS)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--groups", nargs="+", choices=list(GROUPS), default=list(GROUPS))
    parser.add_argument("-o", "--output", type=Path, help="folder of the results; by default this one, of a full run")
    parser.add_argument("--render", action="store_true", help="measure nothing: write the tables from engines.json")
    given = parser.parse_args()
    is_whole = not given.quick and given.rounds >= _ROUNDS and set(given.groups) == set(GROUPS)
    output = given.output or (HERE if is_whole or given.render else WORK / "results")
    if given.render:
        render(output)
        raise SystemExit
    return given, output


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit("interrupted: nothing was written") from None
