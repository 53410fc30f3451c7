"""The ``pyconfig.h`` that extensions are compiled with."""

from __future__ import annotations

import runpy

import pytest

from lite_env.recipe.toolchain.packages import FILES

VARIABLES = {"SIZEOF_VOID_P": 4, "HAVE_EPOLL": 0, "HAVE_DUP3": 1, "PLATLIBDIR": "lib", "VPATH": ""}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("#define SIZEOF_VOID_P 8", "#define SIZEOF_VOID_P 4"),
        ("#define HAVE_EPOLL 1", "/* #undef HAVE_EPOLL */"),
        ("/* #undef HAVE_DUP3 */", "#define HAVE_DUP3 1"),
        ('#define PLATLIBDIR "lib64"', '#define PLATLIBDIR "lib"'),
        ("#define HAVE_LINUX_VM_SOCKETS_H 1", "/* #undef HAVE_LINUX_VM_SOCKETS_H */"),
        ("# define _GNU_SOURCE 1", "# define _GNU_SOURCE 1"),
        ("#define _XOPEN_SOURCE 700", "#define _XOPEN_SOURCE 700"),
        ("#define _REENTRANT 1", "/* #undef _REENTRANT */"),
        ("/* #undef _MINIX */", "/* #undef _MINIX */"),
        ("/* a comment */", "/* a comment */"),
    ],
)
def test_each_line_is_as_the_python_of_the_kernel_was_configured(line, expected):
    assert runpy.run_path(str(FILES / "configure_python.py"))["configured"](line, VARIABLES) == expected
