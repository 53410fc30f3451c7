"""Widgets and pictures in a site that `jupyter lite build` made of an environment with a pip section."""

from __future__ import annotations

import pytest

from tests.browser.conftest import picture
from tests.browser.jupyterlite.applications import example_environment, expose
from tests.lite_cores import jupyter_lite

pytestmark = [pytest.mark.browser, pytest.mark.network, pytest.mark.slow]

SLIDER = "import ipywidgets\nslider = ipywidgets.IntSlider(value=3, description='n')\nslider"
# A picture of 3 by 2 pixels, which needs no package.
PICTURE = """\
import struct, zlib
from IPython.display import Image
def part(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
rows = b''.join(b'\\0' + bytes([255, 0, 0]) * 3 for _ in range(2))
head = struct.pack('>IIBBBBB', 3, 2, 8, 2, 0, 0, 0)
Image(b'\\x89PNG\\r\\n\\x1a\\n' + part(b'IHDR', head) + part(b'IDAT', zlib.compress(rows)) + part(b'IEND', b''))
"""


@pytest.fixture(scope="module")
def widgets_site(tmp_path_factory):
    lite = tmp_path_factory.mktemp("widgets") / "lite"
    lite.mkdir()
    (lite / "environment.yml").write_text(example_environment("widgets"))
    expose(lite)
    # What shows widgets is the site's own affair, and the build says so where it is not there.
    done = jupyter_lite(lite, "build", packages=["jupyterlab_widgets==3.0.17"])
    assert done.code == 0, done.text
    assert "ipywidgets" not in done.text
    return lite / "_output"


def test_a_slider_is_moved_and_read_back_and_moves_when_the_kernel_sets_it(widgets_site, serve, lab):
    found = lab(serve(widgets_site)).open().notebook("xpython")
    cell = found.run(SLIDER)
    assert cell.error is None, cell
    handle = found.page.locator(".jp-OutputArea-output .noUi-handle")
    handle.focus()
    for _ in range(4):
        handle.press("ArrowRight")
    found.until(lambda: found.text("print(slider.value)") == "7\n")
    assert found.text("slider.value = 40") == ""
    readout = found.page.locator(".jp-OutputArea-output .widget-readout")
    found.until(lambda: readout.inner_text() == "40")
    assert found.faults == []
    picture(found.page, "jupyterlite")


def test_a_picture_is_shown(widgets_site, serve, lab):
    found = lab(serve(widgets_site)).open().notebook("xpython")
    cell = found.run(PICTURE)
    assert cell.error is None, cell
    picture = found.page.locator(".jp-OutputArea-output img")
    picture.wait_for()
    assert picture.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [3, 2]
