"""`make verify-4x` without the network: what it does when nothing can be had, and that it does what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import verify_4x

CHANNEL = Path(__file__).parents[1] / "channels" / "emscripten-forge-2023"


def test_without_the_channels_it_fails_with_the_reason_and_leaves_the_record_alone(tmp_path, capfd):
    record = tmp_path / "record.md"
    record.write_text("of last time")
    assert verify_4x.main(["numpy", "--channel", str(tmp_path / "nowhere"), "--output", str(record)]) == 1
    assert record.read_text() == "of last time"
    errors = capfd.readouterr().err
    assert "nowhere" in errors
    assert errors.endswith("error: `lite-env lock` failed; nothing was verified, and no record written\n")


def test_a_package_that_it_knows_nothing_of_is_imported():
    names = {check.name: check.code for check in verify_4x.checks_for(("scikit-learn",))}
    assert names["scikit-learn"] == "import scikit_learn; print('imported')"
    assert list(names) == ["xeus-python", "scikit-learn", "input()", "interrupt"]


def test_the_record_shows_what_failed_and_what_it_said():
    manifest = {
        "kernels": [
            {
                "name": "xpython",
                "argv": ["/bin/xpython"],
                "runtime": {"emscripten": "4.0.9", "python": "3.13.1"},
                "files": [{"role": "script", "name": "x.js"}, {"role": "shared", "name": "libxeus.so"}],
            }
        ],
        "archives": [{"size": 2_500_000}],
        "environment": {"packages": [{"name": "numpy", "version": "2.4.4", "build": "0"}]},
    }
    figures = "? xpython was ready after 3.1 s with 36 requests"
    seen = [
        verify_4x.Seen(engine="node", check="numpy", passed=True, seconds=4.25, out="", err=figures),
        verify_4x.Seen(engine="node", check="pandas", passed=False, seconds=1, out="", err="ImportError: ```no```"),
    ]
    text = verify_4x.record(manifest, ("https://channel.example",), seen)
    assert "* Checks: 1 of 2 passed\n" in text
    assert "| node | numpy | yes | 4.2 | xpython was ready after 3.1 s with 36 requests |\n" in text
    assert "| node | pandas | **no** | 1.0 |  |\n" in text
    assert "## node, pandas: what it said\n\n```\nImportError: '''no'''\n```\n" in text
    assert "| numpy | 2.4.4 | 0 |\n" in text
    assert "shared ['libxeus.so']" in text


@pytest.mark.slow
@pytest.mark.node
def test_with_a_channel_that_can_be_had_it_runs_every_check_for_real(tmp_path):
    record = tmp_path / "record.md"
    options = ["--channel", str(CHANNEL), "--engine", "node", "--output", str(record)]
    assert verify_4x.main(["numpy", *options]) == 0
    text = record.read_text()
    assert "* Checks: 4 of 4 passed\n" in text
    assert "Kernel `xpython`: emscripten 3.1.45, Python 3.11.3, argv" in text
