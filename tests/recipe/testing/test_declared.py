from __future__ import annotations

import pytest

from lite_env.errors import RecipeError
from lite_env.recipe.testing.declared import (
    ContentsTest,
    DownstreamTest,
    PythonTest,
    ScriptTest,
    declared_tests,
)


def test_every_kind_that_a_kernel_can_be_asked():
    found = declared_tests(
        [
            {"python": {"imports": ["a", "a.b"]}},
            {"python": {"imports": "c", "pip_check": False}},
            {"package_contents": {"lib": ["z"], "files": {"exists": ["x"], "not_exists": ["*.so"]}}},
            {"script": ["python -c 'import a'", "pytest -k 'not slow' tests"], "requirements": {"run": ["pytest"]}},
            {"downstream": "d"},
        ],
        of="a 1",
    )
    assert found == (
        PythonTest(imports=("a", "a.b"), pip_check=True),
        PythonTest(imports=("c",), pip_check=False),
        ContentsTest(wanted={"lib": ("z",), "files": ("x",)}, unwanted={"lib": (), "files": ("*.so",)}),
        ScriptTest(
            commands=(("python", "-c", "import a"), ("pytest", "-k", "not slow", "tests")),
            number=3,
            requirements=("pytest",),
        ),
        DownstreamTest(package="d"),
    )


@pytest.mark.parametrize(
    ("script", "commands"),
    [
        ({"content": ["python a.py", "python b.py"]}, (("python", "a.py"), ("python", "b.py"))),
        ({"content": "python a.py\npython b.py\n", "cwd": "x"}, (("python", "a.py"), ("python", "b.py"))),
        ("# first\npython a.py\n", (("python", "a.py"),)),
        (['python -c "\nimport a\nprint(a)\n"'], (("python", "-c", "\nimport a\nprint(a)\n"),)),
        (["${PYTHON} -m pytest"], (("${PYTHON}", "-m", "pytest"),)),
        (["$PYTHON -m a"], (("$PYTHON", "-m", "a"),)),
    ],
)
def test_scripts_may_be_written_in_all_their_ways(script, commands):
    (test,) = declared_tests([{"script": script}], of="a 1")
    assert test.commands == commands


@pytest.mark.parametrize(
    ("test", "found"),
    [
        ({"script": ["python a.py && rm -r /"]}, "python a.py && rm -r /"),
        ({"script": ["ls"]}, "ls"),
        ({"script": ["python"]}, "python"),
        ({"script": ["python 'a.py"]}, "python 'a.py"),
        ({"script": ["python a.py | cat"]}, "python a.py | cat"),
        ({"script": ["python a.py"], "requirements": {"build": ["gcc"]}}, "requirements.build"),
        ({"perl": {"uses": ["A"]}}, "perl"),
        ({"r": {"libraries": ["a"]}}, "r"),
        ({"ruby": {"requires": ["a"]}}, "ruby"),
        ({"package_contents": {"strict": True}}, "package_contents.strict"),
        ({"package_contents": {"doc": ["a"]}}, "package_contents.doc"),
        ({"unheard": 1}, "unheard"),
    ],
)
def test_what_a_kernel_cannot_be_asked_is_an_error_by_name(test, found):
    with pytest.raises(RecipeError, match="a test of a 1 cannot be run in a kernel") as caught:
        declared_tests([{"python": {"imports": ["a"]}}, test], of="a 1")
    assert dict(caught.value.context) == {"key": "tests[1]", "found": found}
