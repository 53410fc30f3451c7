"""The list of uploads: any uploader that follows it replaces a site without anybody missing a file."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

import boto3
import pytest
import requests

from lite_env.errors import SiteError
from lite_env.site import upload as upload_module
from lite_env.site.build import make_site
from lite_env.site.plan import FOLDERS, SiteOptions
from lite_env.site.previous import read_previous
from lite_env.site.record import RECORD
from lite_env.site.upload import PHASES, write_upload_list
from tests.remote_stores import BUCKET, s3_server
from tests.sites import make_pack, make_runtime
from tests.visitors import MissedError, arrive, by_http, load, with_manifests

START = datetime(2026, 11, 27, tzinfo=UTC)
PUBLIC = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    ],
}
DOCUMENT = Path(__file__).parents[2] / "docs" / "deploying.md"


def listed(plan, path):
    write_upload_list(plan, path)
    return json.loads(path.read_bytes())


@pytest.fixture
def packs(tmp_path):
    return [make_pack(tmp_path / "a"), make_pack(tmp_path / "b", name="my env", content="y")]


def test_it_has_every_file_once_and_what_names_others_behind_them(packs, tmp_path, runtime):
    output = tmp_path / "public"
    plan = make_site(packs, output, SiteOptions(), runtime=runtime, now=START)
    found = listed(plan, tmp_path / "uploads.json")
    paths = [entry["path"] for entry in found["upload"]]
    files = {path.relative_to(output).as_posix(): path for path in output.rglob("*") if path.is_file()}
    assert sorted(paths) == sorted(files)
    for entry in found["upload"]:
        assert entry["size"] == files[entry["path"]].stat().st_size
    phases = [entry["phase"] for entry in found["upload"]]
    assert phases == sorted(phases, key=PHASES.index)
    assert set(phases) == set(PHASES)
    assert paths[-4:] == ["_headers", "index.html", "sw.js", "lite-env-site.json"]
    assert {entry["path"].rpartition("/")[2] for entry in found["upload"] if entry["phase"] == "manifest"} == {
        "manifest.json",
        "kernel.json",
    }
    by_path = {entry["path"]: entry for entry in found["upload"]}
    assert by_path["sw.js"]["content_type"].startswith("text/javascript")
    assert by_path["sw.js"]["cache_control"] == "no-cache"
    archive = next(entry for path, entry in by_path.items() if path.endswith(".tar.zst"))
    assert archive["content_type"] == "application/zstd"
    assert "immutable" in archive["cache_control"]
    assert found["delete"] == []


def test_it_tells_what_may_go_and_when_and_is_equal_each_time(packs, tmp_path, runtime):
    output = tmp_path / "public"
    make_site(packs, output, SiteOptions(), runtime=runtime, now=START)
    plan = make_site(packs[:1], output, SiteOptions(), runtime=runtime, now=START + timedelta(days=1))
    found = listed(plan, tmp_path / "one.json")
    ends = {entry["path"]: entry["after"] for entry in found["delete"]}
    assert ends["packs/my env/manifest.json"] == "2026-12-05T00:00:00Z"
    assert set(ends) == set(plan.record.old) <= {entry["path"] for entry in found["upload"]}
    again = make_site(packs[:1], output, SiteOptions(), runtime=runtime, now=START + timedelta(days=2))
    assert listed(again, tmp_path / "two.json") == found
    late = make_site(packs[:1], output, SiteOptions(), runtime=runtime, now=START + timedelta(days=9))
    assert listed(late, tmp_path / "three.json")["delete"] == [
        {"path": path, "after": "2026-12-06T00:00:00Z"} for path in sorted(ends)
    ]


@pytest.mark.parametrize("keep", [0, 7 * 86400])
def test_a_fresh_folder_tells_what_of_the_previous_site_may_go(packs, tmp_path, runtime, keep):
    """Nobody else knows of it: the folder never had it, and the next record does not name it."""

    def deploy(name, packs, day, keep=7 * 86400, before=None):
        previous = read_previous(str(tmp_path / before), RECORD, FOLDERS) if before else None
        options = SiteOptions(keep=keep)
        now = START + timedelta(days=day)
        plan = make_site(packs, tmp_path / name, options, runtime=runtime, previous=previous, now=now)
        return plan, listed(plan, tmp_path / f"{name}.json")

    deploy("first", packs, 0)
    second, _ = deploy("second", packs[:1], 1, before="first")
    old = set(second.record.old)
    assert "packs/my env/manifest.json" in old
    third, found = deploy("third", packs[:1], 2 if keep == 0 else 9, keep=keep, before="second")
    assert third.record.old == {}
    assert {entry["path"] for entry in found["delete"]} == old
    moment = "2026-11-29T00:00:00Z" if keep == 0 else "2026-12-06T00:00:00Z"
    assert {entry["after"] for entry in found["delete"]} == {moment}
    # Whoever has the folder keeps what others have put there.
    (tmp_path / "third" / "packs" / "my env").mkdir()
    (tmp_path / "third" / "packs" / "my env" / "manifest.json").write_text("mine")
    _, again = deploy("third", packs[:1], 20, keep=keep, before="second")
    assert (tmp_path / "third" / "packs" / "my env" / "manifest.json").read_text() == "mine"
    assert {entry["path"] for entry in again["delete"]} == old


def test_it_is_not_published(packs, tmp_path, runtime):
    plan = make_site(packs, tmp_path / "public", SiteOptions(), runtime=runtime)
    with pytest.raises(SiteError, match="would lie in the site"):
        write_upload_list(plan, tmp_path / "public" / "uploads.json")


@pytest.fixture(scope="module")
def s3():
    with s3_server() as server:
        yield server


@dataclass(kw_only=True)
class Deployment:
    """A folder, and the bucket in which the documentation's uploader puts it."""

    folder: Path
    endpoint: str

    @property
    def url(self):
        return f"{self.endpoint}/{BUCKET}/demo/"

    def deploy(self, packs, runtime, **options):
        found = self.list(packs, runtime, **options)
        self.upload(found)
        return found

    def list(self, packs, runtime, **options):
        plan = make_site(packs, self.folder / "public", SiteOptions(**options), runtime=runtime)
        return listed(plan, self.folder / "uploads.json")

    def upload(self, found):
        """Follow a list, by the program that the documentation shows."""
        (self.folder / "uploads.json").write_text(json.dumps(found))
        text = re.search(r"```python\n(.*?boto3.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)[1]
        assert '"my-bucket"' in text
        subprocess.run(
            [sys.executable, "-c", text.replace('"my-bucket"', repr(BUCKET))], cwd=self.folder, check=True, timeout=120
        )

    def missed_between_phases(self, found):
        """Upload a phase at a time; what a visitor missed who came after each."""
        missed = []
        with requests.Session() as session:
            get = by_http(self.url, session)
            for _, entries in groupby(found["upload"], key=lambda entry: entry["phase"]):
                self.upload({"upload": list(entries), "delete": []})
                try:
                    load(with_manifests(arrive(get), get), get)
                except MissedError as error:
                    missed.append(str(error))
        return missed


@pytest.fixture
def deployment(s3, monkeypatch, tmp_path):
    for name, value in s3.environ.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(PUBLIC))
    yield Deployment(folder=tmp_path, endpoint=s3.endpoint)
    for item in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        client.delete_object(Bucket=BUCKET, Key=item["Key"])


class Reader(threading.Thread):
    """Opens the page again and again; one page is held from the beginning, and loaded each time."""

    def __init__(self, url: str, held) -> None:
        super().__init__()
        self.url = url
        self.held = held
        self.pages: set[str] = set()
        self.failures: list[str] = []
        self.over = threading.Event()

    def run(self) -> None:
        with requests.Session() as session:
            get = by_http(self.url, session)
            while not self.over.is_set():
                try:
                    visit = arrive(get)
                    self.pages.add(visit.page)
                    load(with_manifests(visit, get), get)
                    load(self.held, get)
                except (MissedError, ValueError, LookupError) as error:
                    self.failures.append(str(error))


def test_a_bucket_is_filled_by_it_while_people_read(packs, tmp_path, runtime, deployment):
    """S3's protocol, spoken by a real server."""
    first = deployment.deploy(packs, runtime)
    with requests.Session() as session:
        for entry in first["upload"]:
            answer = session.get(deployment.url + requests.utils.quote(entry["path"]), timeout=30)
            assert answer.headers["Content-Type"] == entry["content_type"]
            assert answer.headers["Cache-Control"] == entry["cache_control"]
            assert "Content-Encoding" not in answer.headers
        get = by_http(deployment.url, session)
        reader = Reader(deployment.url, with_manifests(arrive(get), get))
    reader.start()
    try:
        other = make_runtime(tmp_path / "other", worker="// other")
        deployment.deploy([make_pack(tmp_path / "c", content="z" * 1000)], other)
        deployment.deploy([make_pack(tmp_path / "d", content="z" * 1000, level=19)], other)
        deployment.deploy(packs[1:], runtime)
    finally:
        reader.over.set()
        reader.join()
    assert reader.failures == []
    assert len(reader.pages) > 1
    last = deployment.deploy(packs[1:], runtime, keep=0)
    client = boto3.client("s3")
    there = {item["Key"].removeprefix("demo/") for item in client.list_objects_v2(Bucket=BUCKET)["Contents"]}
    assert there == {entry["path"] for entry in last["upload"]}


@pytest.mark.slow
def test_who_comes_between_two_phases_misses_none(packs, tmp_path, runtime, deployment):
    deployment.deploy(packs[:1], runtime)
    other = make_runtime(tmp_path / "other", worker="// other")
    found = deployment.list([make_pack(tmp_path / "c", content="z" * 1000)], other)
    assert deployment.missed_between_phases(found) == []


@pytest.mark.slow
def test_in_another_order_a_reader_misses_files(packs, tmp_path, runtime, deployment, monkeypatch):
    deployment.deploy(packs[:1], runtime)
    monkeypatch.setattr(upload_module, "PHASES", PHASES[::-1])
    found = deployment.list([make_pack(tmp_path / "c", content="z" * 1000, name="c")], runtime)
    missed = deployment.missed_between_phases(found)
    # Who may not list a bucket is not told that something is not there.
    assert any(failure.endswith((": 403", ": 404")) for failure in missed)
