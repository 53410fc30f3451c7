from __future__ import annotations

import re
from pathlib import Path

from lite_env.audit.rules import RULES

PAGE = (Path(__file__).parents[2] / "docs" / "audit.md").read_text("utf-8")


def test_the_page_has_a_line_for_every_rule_and_for_no_other():
    assert sorted(re.findall(r"^\| `([\w-]+)` \|", PAGE, re.MULTILINE)) == sorted(rule.id for rule in RULES)
