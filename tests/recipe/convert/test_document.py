from __future__ import annotations

import re
from pathlib import Path

from lite_env.recipe.convert.work import convert_text

PAGE = Path(__file__).parents[3] / "docs" / "recipe-convert.md"


def test_the_example_of_the_documentation_is_what_comes_of_it():
    old, new = re.findall(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    text, refusals, _ = convert_text(old, "conda-build")
    assert refusals == ()
    head, _, rest = text.partition("\n\n")
    assert rest == new
    assert head.endswith("schema_version: 1")
