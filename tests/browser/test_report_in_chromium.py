"""The HTML report as people see it: in light and dark, by mouse and keyboard, and without a single request."""

from __future__ import annotations

import re

import pytest

from lite_env.report.html import report_html
from lite_env.report.size import measure
from lite_env.report.subject import read_subject
from lite_env.report.table import size_text
from tests.browser.conftest import picture
from tests.frozen import PACKS
from tests.hostile_text import EVIL, evil
from tests.locks import science

pytestmark = [pytest.mark.browser]

CELLS = """() => Array.from(document.querySelectorAll('#map > .cell'), cell => {
  const [box, map] = [cell.getBoundingClientRect(), document.getElementById('map').getBoundingClientRect()];
  return {x: box.x - map.x, y: box.y - map.y, width: box.width, height: box.height, told: cell.ariaLabel};
})"""
TABLE = """() => Array.from(document.querySelectorAll('#view tbody tr'), row =>
  Array.from(row.cells, cell => cell.textContent))"""
COLOURS = """() => {
  const probe = document.body.appendChild(document.createElement('div'));
  probe.id = 'map';
  const colour = (kind, of) => {
    const made = probe.appendChild(document.createElement('button'));
    made.className = `cell ${kind}`;
    return getComputedStyle(made)[of];
  };
  const found = ['own', 'interpreter', 'kernel', 'import', 'demand', 'inner'].map(kind =>
    [colour(kind, 'color'), colour(kind, 'backgroundColor')]);
  probe.remove();
  const body = getComputedStyle(document.body);
  return [...found, [body.color, body.backgroundColor],
    [getComputedStyle(document.querySelector('.quiet')).color, body.backgroundColor],
    [getComputedStyle(document.querySelector('#view button')).color,
     getComputedStyle(document.querySelector('section')).backgroundColor]];
}"""


class Report:
    """A report in a page that notes whatever it asks for or complains of."""

    def __init__(self, context, file) -> None:
        self.page = context.new_page()
        self.requests: list[str] = []
        self.faults: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda message: self.faults.append(message.text))
        self.page.on("dialog", lambda dialog: self.faults.append(dialog.message))
        self.url = file.as_uri()
        self.page.goto(self.url)

    def cells(self):
        return self.page.evaluate(CELLS)

    def table(self):
        return self.page.evaluate(TABLE)

    def focused(self) -> str:
        return self.page.evaluate("document.activeElement.ariaLabel ?? ''")

    def path(self) -> str:
        return self.page.locator("#path").inner_text().replace("\n", " ")


@pytest.fixture(scope="module")
def numpy_report(numpy_pack):
    return measure(read_subject(numpy_pack))


@pytest.fixture(scope="module")
def numpy_page(numpy_report, tmp_path_factory):
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(report_html(numpy_report), "utf-8")
    return file


@pytest.fixture
def report(context, numpy_page):
    opened = Report(context, numpy_page)
    yield opened
    assert opened.faults == []
    assert opened.requests == [opened.url]


def bytes_of(told: str) -> float:
    number, unit = re.search(r": ([\d.]+) (B|kB|MB) packed", told).groups()
    return float(number) * {"B": 1, "kB": 1e3, "MB": 1e6}[unit]


def test_areas_are_as_the_bytes_are_and_fill_the_map(report, numpy_report):
    cells = report.cells()
    seen = [package for package in numpy_report.packages if package.packed]
    assert len(cells) == len(seen)
    box = report.page.locator("#map").bounding_box()
    whole = box["width"] * box["height"]
    assert sum(cell["width"] * cell["height"] for cell in cells) == pytest.approx(whole, rel=0.01)
    total = sum(package.packed for package in seen)
    for cell in cells:
        size = bytes_of(cell["told"])
        # As far as the figure that is told is exact, and a pixel.
        assert cell["width"] * cell["height"] / whole == pytest.approx(size / total, rel=0.06, abs=2e-5)
        assert -1 <= cell["x"] <= cell["x"] + cell["width"] <= box["width"] + 1
    # Nearly square, as far as there is something to see.
    large = [cell for cell in cells if cell["width"] * cell["height"] > 2000]
    longest = [max(cell["width"] / cell["height"], cell["height"] / cell["width"]) for cell in large]
    assert sum(longest) / len(longest) < 1.8
    middles = [(cell["x"] + cell["width"] / 2, cell["y"] + cell["height"] / 2) for cell in cells]
    for cell in cells:
        inside = [
            1
            for x, y in middles
            if cell["x"] < x < cell["x"] + cell["width"] and cell["y"] < y < cell["y"] + cell["height"]
        ]
        assert len(inside) == 1


def test_the_table_has_the_figures_of_the_map_and_of_the_report(report, numpy_report):
    expected = [
        [package.name, size_text(package.packed), size_text(package.size), size_text(package.boot), str(package.files)]
        for package in sorted(numpy_report.packages, key=lambda package: (-package.packed, package.name))
        if package.packed
    ]
    assert report.table() == expected
    assert [cell["told"].split(":")[0] for cell in report.cells()] == [row[0] for row in expected]
    report.page.get_by_role("radio", name="before the first cell").check()
    assert {row[0] for row in report.table()} == {package.name for package in numpy_report.packages if package.boot}
    report.page.get_by_role("radio", name="unpacked").check()
    assert report.table()[0][0] == "xeus-python"


def test_the_mouse_goes_into_a_package_and_back(report):
    report.page.locator("#map > .cell", has_text="numpy").first.click()
    # A folder that holds only another one is passed through.
    assert report.path() == "numpy-demo / numpy / lib/python3.11/site-packages"
    report.page.locator("#view button", has_text="numpy").first.click()
    assert report.path() == "numpy-demo / numpy / lib/python3.11/site-packages / numpy"
    assert "core" in [row[0] for row in report.table()]
    report.page.locator("#path button").first.click()
    assert report.path() == "numpy-demo"


def test_the_keyboard_reaches_every_cell_and_stays_in_the_map(report):
    report.page.locator("#map > .cell").first.focus()
    first = report.focused()
    reached = {first}
    for key in ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"] * 3:
        report.page.keyboard.press(key)
        reached.add(report.focused())
    assert len(reached) > 3
    assert report.page.evaluate("document.querySelectorAll('#map [tabindex=\"0\"]').length") == 1
    report.page.locator('#map > .cell[aria-label^="numpy"]').focus()
    report.page.keyboard.press("Enter")
    assert report.path() == "numpy-demo / numpy / lib/python3.11/site-packages"
    assert report.focused().startswith("numpy / lib/python3.11/site-packages / numpy: ")
    report.page.keyboard.press("Enter")
    assert report.path().endswith(" / numpy")
    report.page.keyboard.press("Escape")
    assert report.focused().startswith("numpy / lib/python3.11/site-packages / numpy: ")
    report.page.keyboard.press("Escape")
    assert report.path() == "numpy-demo"
    assert report.focused().startswith("numpy: ")
    assert report.page.locator("#told").inner_text() == report.focused()
    # Escape at the top goes nowhere.
    report.page.keyboard.press("Escape")
    assert report.path() == "numpy-demo"


def test_what_can_be_scrolled_can_be_reached_without_a_mouse(report):
    labels = report.page.evaluate(
        "() => Array.from(document.querySelectorAll('.scrolled'), each => [each.tabIndex, each.ariaLabel])"
    )
    assert labels
    assert all(index == 0 and label for index, label in labels)


def luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(chromium, numpy_page, scheme):
    context = chromium.new_context(viewport={"width": 1180, "height": 900}, color_scheme=scheme)
    report = Report(context, numpy_page)
    # WCAG 2.2, 1.4.3: at least 4.5 to 1.
    for text, ground in report.page.evaluate(COLOURS):
        lighter, darker = sorted((luminance(text), luminance(ground)), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (text, ground)
    ground = luminance(report.page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert ground > 0.8 if scheme == "light" else ground < 0.1
    report.page.locator("#map > .cell", has_text="numpy").first.hover()
    picture(report.page, f"report-{scheme}")
    assert report.faults == []
    context.close()


def test_a_narrow_page_does_not_scroll_sideways(context, numpy_page):
    report = Report(context, numpy_page)
    report.page.set_viewport_size({"width": 380, "height": 700})
    assert report.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    box = report.page.locator("#map").bounding_box()
    report.page.wait_for_function(f"document.querySelector('#map > .cell').offsetWidth <= {box['width']} + 1")


def test_nothing_that_packages_are_called_runs_or_is_asked_for(context, tmp_path):
    import msgspec  # noqa: PLC0415

    measured = measure(read_subject(PACKS / "2.0/python"))
    files = tuple(
        msgspec.structs.replace(file, path=evil(f"/{file.path}", number), package=EVIL[number % len(EVIL)])
        for number, file in enumerate(measured.files)
    )
    packages = tuple(
        msgspec.structs.replace(package, name=EVIL[number % len(EVIL)], license=EVIL[-number % len(EVIL)])
        for number, package in enumerate(measured.packages)
    )
    hostile = msgspec.structs.replace(measured, name=EVIL[0], files=files, packages=packages)
    file = tmp_path / "report.html"
    file.write_text(report_html(hostile), "utf-8")
    report = Report(context, file)
    names = {row[0] for row in report.table()}
    assert EVIL[0] in names
    assert "__proto__" in names
    for number in range(len(names)):
        report.page.locator("#view button").nth(number).click()
        report.page.locator("#path button").first.click()
    assert report.page.locator("img, svg, iframe, a").count() == 0
    assert report.faults == []
    assert report.requests == [report.url]


def test_without_scripts_the_tables_are_there(chromium, numpy_page):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(numpy_page.as_uri())
    assert not page.locator("#map").is_visible()
    assert page.locator("noscript p").is_visible()
    assert page.get_by_role("region", name="Packages").get_by_text("numpy", exact=True).is_visible()
    context.close()


def test_of_a_lock_the_map_shows_package_files(context, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(report_html(measure(read_subject(science(tmp_path / "conda-lock.yml")))), "utf-8")
    report = Report(context, file)
    assert report.table()[0] == ["python", "9.88 MB"]
    assert report.page.locator("label", has_text="package file").is_visible()
    assert not report.page.locator("label", has_text="unpacked").is_visible()
    assert not report.page.locator("label", has_text="before the first cell").is_visible()
    assert not report.page.locator("#legend").is_visible()
    assert report.faults == []
