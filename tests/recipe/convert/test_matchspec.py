from __future__ import annotations

import pytest

from lite_env.recipe.convert.matchspec import SpecError, converted_spec
from lite_env.recipe.convert.rewrite import Rewriter
from lite_env.recipe.convert.template import rewritten_text, split_template
from tests.recipe.convert.rendering import rendered

TEXTS = {"pinned": ">=1.2,<2", "version": "4.5"}


def converted(spec: str) -> str:
    return rewritten_text(converted_spec(split_template(spec), TEXTS), Rewriter())


@pytest.mark.parametrize(
    ("old", "new", "read"),
    [
        ("plain", "plain", "plain"),
        ("numpy 1.20", "numpy 1.20.*", "numpy 1.20.*"),
        ("exact 1.2.3 py36_0", "exact ==1.2.3 py36_0", "exact ==1.2.3 py36_0"),
        ("star 1.2.*", "star 1.2.*", "star 1.2.*"),
        ("ge >=1.2.*", "ge >=1.2", "ge >=1.2"),
        ("two >=1.2.*,<2.0.*", "two >=1.2,<2.0", "two >=1.2,<2.0"),
        ("spaced >= 1.2 , < 2", "spaced >=1.2,<2", "spaced >=1.2,<2"),
        ("glued=1.2", "glued =1.2", "glued 1.2.*"),
        ("glued>=1.2", "glued>=1.2", "glued >=1.2"),
        ("built=1.2=abc_0", "built ==1.2 abc_0", "built ==1.2 abc_0"),
        ("equal ==1.2.*", "equal 1.2.*", "equal 1.2.*"),
        ("not !=1.2.*", "not !=1.2.*", "not !=1.2.*"),
        ("either <2|>=3", "either <2|>=3", "either <2|>=3"),
        ("any * *_nompi", "any * *_nompi", "any * *_nompi"),
        ('there[version=">=2"]', 'there[version=">=2"]', "there >=2"),
        ("channel::name 1", "channel::name 1.*", "channel::name 1.*"),
        ("given {{ pinned }}", "given ${{ pinned }}", "given >=1.2,<2"),
        ("same {{ version }}", "same ${{ version }}.*", "same 4.5.*"),
        ("next >={{ version }}", "next >=${{ version }}", "next >=4.5"),
    ],
)
def test_a_requirement_becomes_what_rattler_build_reads_as_conda_did(old, new, read):
    assert converted(old) == new
    head = "context:\n  pinned: '>=1.2,<2'\n  version: '4.5'\npackage:\n  name: a\n  version: 1.0.0\n"
    (package,) = rendered(f"{head}requirements:\n  run:\n    - '{new}'\n", "emscripten-wasm32", {})
    assert package["requirements"]["run"] == [read]


@pytest.mark.parametrize("spec", ["numpy x.x", "foo =>1", "foo =<1", "a b c d", "{{ pin_compatible('a') }} b"])
def test_what_has_no_sure_meaning_is_refused(spec):
    with pytest.raises(SpecError):
        converted(spec)
