from __future__ import annotations

import pytest

from lite_env.errors import SiteError
from lite_env.site.headers import cache_control, file_headers, headers_file

DIGEST = "0123456789abcdef"
PATHS = (
    f"runtime/{DIGEST}/page.js",
    f"runtime/{DIGEST}/chunks/x.js",
    f"packs/my env/archives/{DIGEST * 4}.tar.zst",
    f"packs/my env/archives/{DIGEST[::-1] * 4}.tar.zst",
    f"packs/my env/kernels/x/x-{DIGEST}.wasm",
    "packs/my env/kernels/x/kernel.json",
    "packs/my env/manifest.json",
)


@pytest.mark.parametrize(
    ("path", "immutable"),
    [
        *((path, True) for path in PATHS[:5]),
        *((path, False) for path in PATHS[5:]),
        ("index.html", False),
        ("sw.js", False),
        (f"packs/{DIGEST}/manifest.json", False),
        (f"packs/runtime/{DIGEST}/x.js", False),
        ("runtime/x/page.js", False),
    ],
)
def test_what_has_a_hash_in_its_path_is_immutable(path, immutable):
    assert ("immutable" in cache_control(path)) is immutable


def test_a_files_headers():
    headers = dict(file_headers("a/b.wasm", isolation=True))
    assert headers == {
        "Content-Type": "application/wasm",
        "Cache-Control": "no-cache",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Embedder-Policy": "require-corp",
        "Cross-Origin-Resource-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
    assert len(file_headers("a/b.wasm", isolation=False)) == 3


def test_rules_for_hosts_are_few_and_add_up():
    assert headers_file(PATHS, base="/", isolation=True) == (
        "/*\n"
        "  Cross-Origin-Opener-Policy: same-origin\n"
        "  Cross-Origin-Embedder-Policy: credentialless\n"
        "  Cross-Origin-Resource-Policy: same-origin\n"
        "  X-Content-Type-Options: nosniff\n"
        "\n"
        "/packs/my%20env/archives/*\n"
        "  Cache-Control: public, max-age=31536000, immutable\n"
        "\n"
        f"/packs/my%20env/kernels/x/x-{DIGEST}.wasm\n"
        "  Cache-Control: public, max-age=31536000, immutable\n"
        "\n"
        f"/runtime/{DIGEST}/*\n"
        "  Cache-Control: public, max-age=31536000, immutable\n"
    )


def test_old_files_have_rules_as_far_as_there_is_room():
    old = [f"runtime/{number:016x}/page.js" for number in range(300)]
    rules = headers_file(PATHS, base="/", isolation=True, old=[*old, "packs/gone/manifest.json"])
    patterns = [line for line in rules.splitlines() if line.startswith("/")]
    assert len(patterns) == len(set(patterns)) == 100
    assert {"/*", f"/runtime/{DIGEST}/*", f"/runtime/{0:016x}/*"} < set(patterns)
    few = headers_file(PATHS, base="/", isolation=True, old=old[:1])
    assert f"/runtime/{0:016x}/*\n  Cache-Control: public, max-age=31536000, immutable\n" in few


def test_rules_are_for_the_folder_on_the_host():
    rules = headers_file(PATHS[:1], base="/docs/my-demo/", isolation=False)
    assert [line for line in rules.splitlines() if line.startswith("/")] == [
        "/docs/my-demo/*",
        f"/docs/my-demo/runtime/{DIGEST}/*",
    ]
    assert "Cross-Origin" not in rules


@pytest.mark.parametrize("base", ["", "demo", "/demo", "demo/", "//x/", "/a b/", "/a/../b/", "/x\n/", "https://a.b/"])
def test_a_base_that_is_no_path_is_refused(base):
    with pytest.raises(SiteError, match="is not the path of a folder on a host") as caught:
        headers_file((), base=base, isolation=True)
    assert "--base" in caught.value.hint
