from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import pytest

from lite_env.errors import SiteError
from lite_env.pack.plan import plan_pack
from lite_env.pack.writer import write_pack
from lite_env.prefix.reader import read_prefix
from lite_env.site.environments import read_environments
from lite_env.site.lite_kernels import LiteNote, encode_lite_site, lite_kernels, make_lite_site
from tests.prefixes import kernel_package, make_prefix
from tests.sites import make_pack

RUNTIME = "runtime/0123/"


def named(name: str, environment: str):
    """A kernel of that name; nothing of it is read."""
    (pack,) = read_environments([environment])
    kernels = (msgspec.structs.replace(pack.manifest.kernels[0], name=name),)
    return replace(pack, manifest=msgspec.structs.replace(pack.manifest, kernels=kernels))


def test_a_kernel_is_told_by_urls_relative_to_the_folder(made_packs):
    (kernel,) = lite_kernels(read_environments([made_packs["my env"]]))
    assert (kernel.name, kernel.display_name, kernel.language, kernel.env) == ("toy", "Toy", "toy", "my env")
    assert kernel.manifest == "api/packs/my%20env/manifest.json"
    assert kernel.worker == "classic"


def test_the_bytes_are_those_of_all_that_a_start_loads(made_packs):
    (environment,) = read_environments([made_packs["demo"]])
    (kernel,) = lite_kernels([environment])
    manifest = environment.manifest
    start = manifest.kernels[0].start.all
    files = [manifest.index, *(manifest.archives[number] for number in start), *manifest.kernels[0].binaries]
    assert kernel.bytes == sum(file.size for file in files) > 0


def test_kernels_of_one_name_are_told_apart_by_their_environments(made_packs):
    found = lite_kernels(read_environments([made_packs["demo"], made_packs["my env"]]))
    assert [kernel.name for kernel in found] == ["toy (demo)", "toy (my env)"]
    assert [kernel.display_name for kernel in found] == ["Toy [demo]", "Toy [my env]"]
    assert [kernel.kernel for kernel in found] == ["toy", "toy"]


def test_a_name_that_another_one_becomes_is_refused(made_packs, tmp_path):
    other = named("toy (demo)", make_pack(tmp_path / "c", name="c"))
    with pytest.raises(SiteError, match=r"called 'toy \(demo\)'") as caught:
        lite_kernels([*read_environments([made_packs["demo"], made_packs["my env"]]), other])
    assert "--name" in caught.value.hint


def test_a_logo_that_two_packs_share_is_where_the_site_has_it(tmp_path):
    toy = kernel_package(kernel="toy")
    folder = "share/jupyter/kernels/toy"
    packs = []
    for name in ("one", "two"):
        prefix = make_prefix(
            tmp_path / f"{name}-prefix", replace(toy, files={**toy.files, f"{folder}/logo-32x32.png": b"\x89PNG"})
        )
        packs.append(tmp_path / name)
        write_pack(plan_pack(read_prefix(prefix), name=name, level=1, order="fused"), packs[-1])
    alone = lite_kernels(read_environments(packs[:1]))[0]
    assert list(alone.logos) == ["logo-32x32", "logo-64x64"]
    assert alone.logos["logo-32x32"].startswith("api/packs/one/kernels/toy/logo-32x32")
    one, two = lite_kernels(read_environments(packs))
    assert one.logos == two.logos
    assert one.logos["logo-32x32"].startswith("api/files/")


def test_the_build_is_another_one_when_anything_is(made_packs, tmp_path):
    environments = read_environments([made_packs["demo"]])
    sites = [
        make_lite_site(environments, runtime=RUNTIME),
        make_lite_site(environments, runtime="runtime/4567/"),
        make_lite_site(environments, runtime=RUNTIME, isolate=True),
        make_lite_site(environments, runtime=RUNTIME, notes=[LiteNote(text="x")]),
        make_lite_site(environments, runtime=RUNTIME, default="toy"),
        make_lite_site(read_environments([make_pack(tmp_path / "p", content="other")]), runtime=RUNTIME),
    ]
    assert len({site.build for site in sites}) == len(sites)
    assert make_lite_site(environments, runtime=RUNTIME) == sites[0]


def test_the_document_is_json_with_all_that_the_extension_reads(made_packs):
    site = make_lite_site(read_environments([made_packs["demo"]]), runtime=RUNTIME, default="toy")
    told = json.loads(encode_lite_site(site))
    assert set(told) == {
        "format",
        "build",
        "runtime",
        "kernels",
        "default",
        "isolate",
        "prefetch",
        "snapshots",
        "notes",
    }
    assert msgspec.json.decode(encode_lite_site(site), type=type(site)) == site


def test_a_default_that_no_kernel_has_is_refused(made_packs):
    with pytest.raises(SiteError, match="default kernel 'python'") as caught:
        make_lite_site(read_environments([made_packs["demo"]]), runtime=RUNTIME, default="python")
    assert "toy" in caught.value.hint
