from __future__ import annotations

from lite_env.bootstrap import runtime_dir
from lite_env.site.isolation import is_isolating, isolated_service_worker, plain_service_worker, read_prelude

THEIRS = b'"use strict";const CACHE="precache";self.addEventListener("fetch",onFetch);'


def test_what_stands_in_front_is_replaced_and_taken_away_again():
    prelude = read_prelude(runtime_dir())
    once = isolated_service_worker(THEIRS, prelude)
    assert once.endswith(THEIRS)
    assert isolated_service_worker(once, prelude) == once
    assert isolated_service_worker(once, b"other();\n").startswith(b"other();")
    assert isolated_service_worker(once, b"other();\n").count(THEIRS) == 1
    assert is_isolating(once)
    assert plain_service_worker(once) == THEIRS == plain_service_worker(THEIRS)
    assert not is_isolating(THEIRS)
