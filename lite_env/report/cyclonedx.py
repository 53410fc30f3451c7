"""A bill of materials in CycloneDX 1.6 (ECMA-424), as JSON: what an environment is made of, for scanners.

It is a function of the packages alone: no clock, no random serial number, no folder is in it. Package URLs are those of
the purl specification, ``pkg:conda`` and ``pkg:pypi``.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

import lite_env
from lite_env.report.graph import make_graph
from lite_env.report.table import json_text
from lite_env.store.digest import is_sha256

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lite_env.report.graph import Edge, Graph
    from lite_env.report.subject import Subject, SubjectPackage

SPEC_VERSION = "1.6"
_SCHEMA = f"http://cyclonedx.org/schema/bom-{SPEC_VERSION}.schema.json"
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "lite-env")
_REMOTE = ("https://", "http://", "oci://", "s3://", "gcs://")


def cyclonedx(subject: Subject) -> str:
    """The bill of materials of a lock or a pack.

    Of a pack it has fewer facts: its manifest tells neither addresses nor channels, and of a wheel no file's hash.
    """
    graph = make_graph(subject)
    references = {package.name: purl(package) for package in subject.packages}
    identity = f"{subject.kind} {subject.digest} {subject.name}"
    document = {
        "$schema": _SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, identity)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": _ENVIRONMENT,
                "name": subject.name,
                "properties": _properties(
                    {"platform": subject.platform, "lock-digest": subject.digest, "read-from": subject.kind}
                ),
            },
            "tools": {"components": [{"type": "application", "name": "lite-env", "version": lite_env.__version__}]},
        },
        "components": [_component(package, subject) for package in subject.packages],
        "dependencies": _dependencies(graph, references),
    }
    return json_text(document)


_ENVIRONMENT = "environment"


def purl(package: SubjectPackage) -> str:
    """The package URL of a package; ``pkg:generic`` for a wheel from here or from a repository: PyPI has it not."""
    version = _quoted(package.version)
    if package.manager == "wheel":
        kind = "pypi" if package.source in (None, "index") else "generic"
        return f"pkg:{kind}/{_quoted(package.name)}@{version}?file_name={_quoted(package.file_name)}"
    qualifiers = {
        "build": package.build,
        "channel": _channel(package),
        "subdir": package.subdir,
        "type": "conda" if package.file_name.endswith(".conda") else "tar.bz2",
    }
    text = "&".join(f"{key}={_quoted(value)}" for key, value in qualifiers.items() if value)
    return f"pkg:conda/{_quoted(package.name)}@{version}?{text}"


def _quoted(text: str) -> str:
    """Percent-encoded, as the specification of package URLs wants it: a colon stays."""
    return quote(text, safe=":")


def _channel(package: SubjectPackage) -> str:
    """The channel's name; a local one has none that means anything elsewhere."""
    channel = package.channel or ""
    return channel.rpartition("/")[2] if channel.startswith(_REMOTE) else ""


def _component(package: SubjectPackage, subject: Subject) -> dict[str, Any]:
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl(package),
        "name": package.name,
        "version": package.version,
        "purl": purl(package),
        "properties": _properties({"file-name": package.file_name, "manager": package.manager, "build": package.build}),
    }
    # What a manifest has of a wheel is perhaps no file's hash.
    if package.sha256 and is_sha256(package.sha256) and not (package.manager == "wheel" and subject.kind == "pack"):
        component["hashes"] = [{"alg": "SHA-256", "content": package.sha256}]
        if package.md5:
            component["hashes"].insert(0, {"alg": "MD5", "content": package.md5})
    if package.license:
        component["licenses"] = [_license(package.license)]
    if package.url and package.url.startswith(_REMOTE):
        component["externalReferences"] = [{"type": "distribution", "url": package.url}]
    return component


def _license(text: str) -> dict[str, Any]:
    """A licence as an SPDX expression where it is one, and as it is written otherwise."""
    try:
        return {"expression": str(canonicalize_license_expression(text)), "acknowledgement": "declared"}
    except (InvalidLicenseExpression, RecursionError):
        return {"license": {"name": text, "acknowledgement": "declared"}}


def _dependencies(graph: Graph, references: Mapping[str, str]) -> list[dict[str, Any]]:
    def below(edges: Iterable[Edge]) -> list[str]:
        return sorted(references[edge.name] for edge in edges if edge.name in references)

    inner = sorted((references[name], below(edges)) for name, edges in graph.needs.items())
    known = [(_ENVIRONMENT, below(graph.roots)), *inner]
    return [{"ref": reference, "dependsOn": below_it} for reference, below_it in known]


def _properties(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": f"lite-env:{key}", "value": value} for key, value in sorted(values.items())]
