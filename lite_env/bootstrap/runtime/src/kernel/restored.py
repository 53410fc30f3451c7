"""What a restored kernel must not have from the one that its snapshot was taken of."""

from __future__ import annotations


def _lite_env_freshen(variables: dict[str, str]) -> None:
    import os
    import sys
    import time

    os.environ.update(variables)
    # The visitor may have travelled since. These are what Python makes of the zone when it loads the module.
    year = (365 * 24 + 6) * 3600
    half = int(time.time()) // year * year
    winter, summer = time.localtime(half), time.localtime(half + year // 2)
    if winter.tm_gmtoff > summer.tm_gmtoff:
        winter, summer = summer, winter
    time.timezone, time.altzone = -winter.tm_gmtoff, -summer.tm_gmtoff
    time.daylight = int(time.timezone != time.altzone)
    time.tzname = (winter.tm_zone[:9], summer.tm_zone[:9])
    if "logging" in sys.modules:
        # A snapshot that a pack brings knows no time but its own.
        sys.modules["logging"]._startTime = time.time()  # noqa: SLF001 - it has no other way
    # Each start would draw the same numbers.
    for name in ("random", "numpy.random"):
        if name in sys.modules:
            sys.modules[name].seed()
    if "ssl" in sys.modules:
        sys.modules["ssl"].RAND_add(os.urandom(32), 32.0)
    if "tempfile" in sys.modules:
        sys.modules["tempfile"]._name_sequence = None  # noqa: SLF001 - it has no other way
