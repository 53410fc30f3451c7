"""What uv says at length, in few words; its texts are those of uv 0.13.9."""

from __future__ import annotations

import pytest

from lite_env.errors import FetchError, SolveError
from lite_env.lock.pip_explain import explain
from lite_env.lock.stubs import ProvidedProject
from lite_env.spec.pip import PipSection

PROVIDED = (ProvidedProject(name="numpy", version="1.25.2", package="numpy"),)
ALTAIR = """\
warning: The requested Python version 3.11.3 is not available; 3.11.7 will be used to build dependencies instead.
error: No solution found when resolving dependencies
  cause: Because markupsafe>=2.0.0 has no usable wheels and jinja2>=3.0.1 depends on markupsafe>=2.0, we can conclude \
that jinja2>=3.0.1 cannot be used. (1)

         Because all versions of pandas have no usable wheels and altair depends on pandas, we can conclude that all of:
             altair>=2.3.0,<=5.5.0
             altair==6.0.0
         cannot be used.
"""
NEWER = """\
error: No solution found when resolving dependencies
  cause: Because you require numpy>=2 and numpy==1.25.2+lite.env, we can conclude that your requirements are \
unsatisfiable.
"""
OFFLINE = """\
error: No solution found when resolving dependencies
  cause: Because tree was not found in the cache and you require tree, we can conclude that your requirements are \
unsatisfiable.

hint: Packages were unavailable because the network was disabled.
"""
NETWORK = """\
error: Request failed after 3 retries in 6.6s
  cause: Failed to fetch: `https://user:secret@host/simple/tree/`
  cause: dns error
"""


def told(text, *, offline=False):
    return explain(text, PipSection(requirements=()), PROVIDED, offline=offline)


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        (ALTAIR, "Because markupsafe>=2.0.0 has no usable wheels and jinja2>=3.0.1", "markupsafe has no pure wheel"),
        (NEWER, "you require numpy>=2 and numpy==1.25.2 (of the conda part)", "about what it provides (numpy)"),
        ("", "cannot be resolved", "ask for another version"),
    ],
)
def test_the_first_reason_and_what_to_do_about_it(text, says, hint):
    error = told(text)
    assert isinstance(error, SolveError)
    assert says in error.message
    assert hint in error.hint
    assert "pandas" not in f"{error.message} {error.hint}"
    assert "warning" not in error.message
    assert "lite.env" not in error.message


def test_what_is_of_the_network_is_told_so_and_no_password_with_it():
    error = told(NETWORK)
    assert isinstance(error, FetchError)
    assert "an index of the pip section could not be read" in error.message
    assert "secret" not in error.message


def test_offline_is_told_as_such():
    error = told(OFFLINE, offline=True)
    assert isinstance(error, FetchError)
    assert "offline, and the cache lacks" in error.message
    assert "without --offline" in error.hint
