"""How large what a pack holds may be, in bytes: the writer refuses what a reader would, before anything is written."""

from __future__ import annotations

MAX_RAW_SIZE = 1 << 32
"""Of an archive or a kernel's file, uncompressed: wasm32 addresses 4 GiB."""

MAX_INDEX_SIZE = 1 << 24
"""Of the index, uncompressed; some 400,000 files. Parsed, it takes twenty times as much memory."""

MAX_MANIFEST_SIZE = 1 << 24
"""Of the manifest."""

MAX_STORED_SIZE = 1 << 24
"""Of a kernel.json or a logo."""
