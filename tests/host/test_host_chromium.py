"""What the Chromium engine needs before a browser is started; tests/browser/test_run_chromium.py starts one."""

from __future__ import annotations

import pytest

from lite_env.errors import HostError
from lite_env.host import chromium as chromium_module
from lite_env.host.chromium import ChromiumEngine


@pytest.fixture
def engine(tmp_path):
    return ChromiumEngine(tmp_path, runtime=tmp_path, chromium=tmp_path / "chromium")


def test_without_playwright_it_says_what_to_install(engine, monkeypatch):
    monkeypatch.setattr(chromium_module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(HostError, match="`playwright` is not installed") as caught:
        engine.start(kernel=None, env={})
    assert caught.value.hint == "`pip install 'lite-env[chromium]'`"
    engine.close()


def test_without_a_chromium_nothing_is_started(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("LITE_ENV_CHROMIUM", raising=False)
    engine = ChromiumEngine(tmp_path, runtime=tmp_path)
    with pytest.raises(HostError, match="there is no Chromium on PATH"):
        engine.start(kernel=None, env={})
    engine.close()


def test_close_before_the_start_does_nothing(engine):
    engine.close()
    engine.close()


@pytest.mark.parametrize(
    ("reason", "hint"),
    [("No usable sandbox!", "user namespaces"), ("Target closed", None)],
)
def test_the_hint_fits_the_reason(reason, hint):
    found = chromium_module._hint(reason)
    assert (found is None) if hint is None else hint in str(found)
