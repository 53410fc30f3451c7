from __future__ import annotations

import json

import pytest

from lite_env.errors import PrefixError
from lite_env.prefix.reader import read_prefix
from tests.prefixes import Heard, Toy, kernel_package, make_prefix

FOLDER = "share/jupyter/kernels/own"
CODE = f"{FOLDER}/startup.py"


def own_kernel(settings, **files):
    """A kernelspec over the program of `kernel_package`."""
    spec = {"argv": ["@PREFIX@/bin/xtoy"], "display_name": "Our own", "language": "toy", "metadata": settings}
    return Toy(name="our-own", files={f"{FOLDER}/kernel.json": json.dumps(spec), **files})


def kernels_of(tmp_path, package, **options):
    return {
        kernel.name: kernel
        for kernel in read_prefix(make_prefix(tmp_path, kernel_package(), package), **options).kernels
    }


def test_a_package_with_a_kernelspec_alone_brings_a_kernel_over_anothers_program(tmp_path):
    package = own_kernel({"lite-env": {"startup": CODE}}, **{CODE: "x = 1", f"{FOLDER}/logo-svg.svg": "<svg/>"})
    kernels = kernels_of(tmp_path, package)
    assert set(kernels) == {"own", "toy"}
    own = kernels["own"]
    assert (own.display_name, own.startup, own.logos) == ("Our own", CODE, (f"{FOLDER}/logo-svg.svg",))
    assert own.binaries == kernels["toy"].binaries
    assert kernels["toy"].startup is None


@pytest.mark.parametrize("settings", [{}, {"debugger": True}, {"lite-env": {}}, {"lite-env": {"startup": None}}])
def test_a_kernel_need_not_have_any(tmp_path, settings):
    assert kernels_of(tmp_path, own_kernel(settings))["own"].startup is None


@pytest.mark.parametrize(
    ("settings", "reason", "hint"),
    [
        ("startup.py", r"'metadata\.lite-env' is not an object", '{"startup": "PATH"}'),
        ({"startup": ["a"]}, r"'metadata\.lite-env\.startup' is \['a'\], and no path", f'"{CODE}"'),
        ({"startup": f"/{CODE}"}, "and no path below the environment", f'"{CODE}"'),
        ({"startup": "share/../../startup.py"}, "and no path below the environment", f'"{CODE}"'),
        ({"startup": f"@PREFIX@/{CODE}"}, "and no path below the environment", f'"{CODE}"'),
        (
            {"startup": CODE},
            f"the kernel 'own' has its start-up code at '{CODE}', where no file is",
            "the package our-own",
        ),
        ({"startup": FOLDER}, "where no file is", "the package our-own"),
        ({"startup": ""}, "where no file is", "the package our-own"),
        ({"startup": "bin/xtoy.js"}, "is a file of the kernel's program", f'"{CODE}"'),
    ],
)
def test_what_is_wrong_with_it_is_named(tmp_path, settings, reason, hint):
    with pytest.raises(PrefixError, match=reason) as caught:
        kernels_of(tmp_path, own_kernel({"lite-env": settings}))
    assert hint in caught.value.hint
    assert dict(caught.value.context)["file"] == f"{FOLDER}/kernel.json"


def test_a_link_is_refused(tmp_path):
    package = own_kernel({"lite-env": {"startup": CODE}}, **{CODE: ("->", "other.py"), f"{FOLDER}/other.py": "x = 1"})
    with pytest.raises(PrefixError, match="a symbolic link"):
        kernels_of(tmp_path, package)


def test_a_key_that_is_not_known_is_said(tmp_path):
    heard = Heard()
    package = own_kernel({"lite-env": {"startup": CODE, "start-up": "x"}}, **{CODE: "x = 1"})
    assert kernels_of(tmp_path, package, reporter=heard)["own"].startup == CODE
    assert heard.warnings == [f"'metadata.lite-env.start-up' of {FOLDER}/kernel.json is not known, and means nothing"]
