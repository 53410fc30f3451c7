"""The manifest's JSON Schema, from the values themselves; the file beside this module is what is shipped and published.

``python -m lite_env.pack.schema`` writes that file anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import msgspec

from lite_env.lock.model import Manager
from lite_env.pack.manifest import LOADS, WORKERS, Manifest
from lite_env.store.atomic import write_text

SCHEMA_FILE = "manifest.schema.json"
_SHA256 = {"pattern": "^[0-9a-f]{64}$", "type": "string"}


def manifest_schema() -> dict[str, Any]:
    """The schema (draft 2020-12): what `Manifest` says, and what hashes, formats and loads look like."""
    schema = msgspec.json.schema(Manifest)
    definitions = schema["$defs"]
    for definition in definitions.values():
        # The first line only: how the rest of a docstring is indented depends on the version of Python.
        definition["description"] = definition["description"].partition("\n")[0]
    for name in ("Archive", "File", "IndexFile", "SnapshotFile"):
        for key in ("digest", "sha256"):
            definitions[name]["properties"][key] = _SHA256
    definitions["Environment"]["properties"]["lock_digest"] = _SHA256
    definitions["Archive"]["properties"]["load"] = {"enum": list(LOADS)}
    definitions["Package"]["properties"]["manager"] = {"default": "conda", "enum": list(get_args(Manager))}
    definitions["RuntimeInfo"]["properties"]["worker"] = {"default": "classic", "enum": list(WORKERS)}
    definitions["Manifest"]["properties"]["format"] = {"pattern": "^2\\.[0-9]+$", "type": "string"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "manifest.json of a pack", **schema}


def schema_text() -> str:
    """The schema as its file is written."""
    return json.dumps(manifest_schema(), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    write_text(Path(__file__).with_name(SCHEMA_FILE), schema_text())
