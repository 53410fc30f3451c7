"""What a family's kernels have of their host; see ../kernel.ts, whose methods these are.

A family makes a module of this name out of them (bytes, text and numbers are all that is carried), runs the text
`source("start")` and calls its `start()`; see network.ts in the folders of families.
"""

def open(method: str, url: str, headers: str, body: bytes, limit: int) -> int:
    """Send a request, whose headers are JSON; the number of its answer.

    `limit` is in milliseconds, 0 for none: who cannot wait for a part of the time needs it.
    """

def wait(number: int, milliseconds: int) -> int:
    """What of an answer has come, within so long at most; see `exchange`."""

def take(number: int) -> bytes:
    """What has come: JSON of the head or of a failure, or a piece of the body."""

def close(number: int) -> None:
    """Nobody wants the rest of an answer."""

def nap(milliseconds: int) -> None:
    """Do nothing for so long, or until an interrupt comes."""

def interrupted() -> bool:
    """Whether an interrupt waits to be seen by Python."""

def source(name: str) -> str:
    """Text of a module of `lite_env_network`."""
