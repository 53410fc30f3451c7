"""A packed kernel as Jupyter starts kernels: a process with five ZeroMQ sockets, told by a connection file.

Between `jupyter_client` on one side and an engine of :mod:`lite_env.host` on the other, so that what is made to test
Jupyter kernels tests packed ones. Messages pass as they are; only what ZeroMQ has and the runtime has not (signatures,
identities) is added and taken away. It ends when it is told to, and when who started it has ended, in whatever way.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.session import Session

from lite_env.bootstrap import runtime_dir
from lite_env.host.engine import Interrupt, Message, MessageEnvelope, Ready
from lite_env.host.node import NodeEngine

POLL_MS = 5
START_SECONDS = 60


class Bridge:
    """The sockets of one kernel."""

    def __init__(self, connection: dict[str, Any], engine: NodeEngine) -> None:
        self._engine = engine
        self._context = zmq.Context()
        self._sockets = {
            name: self._bind(kind, connection, f"{name}_port")
            for name, kind in (
                ("shell", zmq.ROUTER),
                ("control", zmq.ROUTER),
                ("stdin", zmq.ROUTER),
                ("iopub", zmq.PUB),
                ("hb", zmq.REP),
            )
        }
        self._session = Session(key=connection["key"].encode(), signature_scheme=connection["signature_scheme"])
        # Who asked what: ZeroMQ wants the identity back.
        self._identities: dict[str, list[bytes]] = {}
        self._over = False

    def _bind(self, kind: int, connection: dict[str, Any], port: str) -> zmq.Socket[bytes]:
        socket: zmq.Socket[bytes] = self._context.socket(kind)
        socket.linger = 1000
        socket.bind(f"{connection['transport']}://{connection['ip']}:{connection[port]}")
        return socket

    def run(self) -> None:
        """Carry messages until the kernel is told to end, or nobody is there who could."""
        poller = zmq.Poller()
        for name in ("shell", "control", "stdin", "hb"):
            poller.register(self._sockets[name], zmq.POLLIN)
        while not (self._over or is_orphan()):
            for socket, _ in poller.poll(POLL_MS):
                self._from_client(socket)
            while (envelope := self._engine.receive(0)) is not None:
                if isinstance(envelope, MessageEnvelope):
                    self._from_kernel(envelope.message)
        self._context.destroy(linger=1000)

    def _from_client(self, socket: zmq.Socket[bytes]) -> None:
        if socket is self._sockets["hb"]:
            socket.send(socket.recv())
            return
        channel: Any = next(name for name, known in self._sockets.items() if known is socket)
        identities, message = self._session.recv(socket, zmq.NOBLOCK)
        kind = message["header"]["msg_type"]
        self._identities[message["header"]["msg_id"]] = identities
        if channel == "control":
            self._control(message, kind)
            return
        self._engine.post(
            MessageEnvelope(
                message=Message(
                    header=_plain(message["header"]),
                    parent_header=_plain(message["parent_header"]),
                    metadata=message["metadata"],
                    content=message["content"],
                    channel=channel,
                    buffers=tuple(base64.b64encode(buffer).decode() for buffer in message["buffers"]),
                )
            )
        )

    def _control(self, message: dict[str, Any], kind: str) -> None:
        """An interrupt goes past the kernel's queue; the end of a packed kernel is the end of its engine."""
        if kind == "interrupt_request":
            self._engine.post(Interrupt())
        self._over = kind == "shutdown_request"
        content = {"status": "ok", **({"restart": False} if self._over else {})}
        parent, identities = message["header"], self._identities[message["header"]["msg_id"]]
        reply = kind.replace("_request", "_reply")
        self._session.send(self._sockets["control"], reply, content, parent=parent, ident=identities)

    def _from_kernel(self, message: Message) -> None:
        identities: Any = self._identities.get(message.parent_id)
        if message.channel == "iopub":
            identities = [f"kernel.{message.type}".encode()]
        frames = {
            "header": message.header,
            "parent_header": message.parent_header,
            "metadata": message.metadata,
            "content": message.content,
            "msg_id": message.id,
            "msg_type": message.type,
        }
        buffers = [base64.b64decode(buffer) for buffer in message.buffers]
        self._session.send(self._sockets[message.channel], frames, ident=identities, buffers=buffers)


def _plain(header: dict[str, Any]) -> dict[str, Any]:
    """A header with its date as text, as it was sent."""
    return json.loads(json.dumps(header, default=lambda date: date.isoformat()))


def is_orphan() -> bool:
    """Whether who started this process has ended; `jupyter_client` says who that is."""
    return os.getppid() != int(os.environ["JPY_PARENT_PID"])


def wait_until_ready(engine: NodeEngine) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not isinstance(engine.receive(1), Ready):
        if is_orphan() or time.monotonic() > deadline:
            sys.exit("the kernel is not ready, or nobody waits for it")


def main(connection_file: str, pack: str) -> None:
    """Start the pack's kernel and carry its messages."""
    engine = NodeEngine(Path(pack), runtime=runtime_dir())
    engine.start(kernel=None, env={})
    try:
        wait_until_ready(engine)
        Bridge(json.loads(Path(connection_file).read_text("utf-8")), engine).run()
    finally:
        engine.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
