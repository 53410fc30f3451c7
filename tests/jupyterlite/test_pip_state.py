"""A wheel or project that a pip section names belongs to what decides whether an environment is locked anew."""

from __future__ import annotations

from lite_env.jupyterlite.decisive import pip_state
from tests.wheels import make_wheel

ENVIRONMENT = "name: demo\nchannels: [c]\ndependencies:\n- python\n"


def test_a_wheel_that_was_built_anew_is_seen(tmp_path):
    make_wheel(tmp_path, "toy")
    environment = tmp_path / "environment.yml"
    environment.write_text(f"{ENVIRONMENT}- pip:\n  - ./toy-1.0-py3-none-any.whl\n")
    before = pip_state(environment)
    assert before == pip_state(environment)
    make_wheel(tmp_path, "toy", files={"toy.py": "x = 2\n"})
    assert pip_state(environment) != before


def test_what_has_no_pip_section_or_cannot_be_read_has_no_such_state(tmp_path):
    environment = tmp_path / "environment.yml"
    environment.write_text(ENVIRONMENT)
    assert pip_state(environment) == {}
    environment.write_text(f"{ENVIRONMENT}- pip:\n  - ./nowhere-1.0-py3-none-any.whl\n")
    assert pip_state(environment) == {}
