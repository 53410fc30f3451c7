"""Jupyter's messages over what pyodide_kernel makes of IPython.

The host's functions: ``say(channel, type, content, metadata, buffers)`` sends a message that the request at hand
caused, ``ask()`` blocks until its question is answered, ``awaits(on)`` tells whether the cell waits at a top-level
``await``.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import platform
import sys
from typing import Any

Message = dict[str, Any]
Reply = dict[str, Any]


class Stream(io.TextIOBase):
    """Standard output or error: told in lines, and wherever a program flushes."""

    encoding = "utf-8"
    errors = "backslashreplace"
    line_buffering = True

    def __init__(self, name: str, tell: Any) -> None:
        self.name = name
        self._tell = tell
        self._text: list[str] = []

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._text.append(text)
        if "\n" in text:
            self.flush()
        return len(text)

    def flush(self) -> None:
        text = "".join(self._text)
        self._text.clear()
        if text:
            self._tell(self.name, text)


class Kernel:
    """One IPython shell that answers requests."""

    def __init__(self, host: Any) -> None:
        tidy_search_path()
        import pyodide_kernel
        from pyodide_kernel import jsonutil

        self.host = host
        self.clean = jsonutil.json_clean
        self.encode_images = jsonutil.encode_images
        self.shell = pyodide_kernel.ipython_shell
        self.kernel = pyodide_kernel.kernel_instance
        self.streams = [Stream(name, self.tell_text) for name in ("stdout", "stderr")]
        self.task: asyncio.Task[Any] | None = None
        self.stopped = False
        self.allow_stdin = False
        self.error: Reply | None = None
        self.take_over(pyodide_kernel)
        self.guard_loop()

    def guard_loop(self) -> None:
        """An interrupt that hits a callback of the event loop is the cell's that awaits."""
        step = asyncio.Handle._run

        def run_step(handle: asyncio.Handle) -> None:
            try:
                step(handle)
            except KeyboardInterrupt:
                if getattr(handle._loop, "blocks", False):
                    raise  # That one runs within a cell.
                self.interrupt()

        asyncio.Handle._run = run_step

    def take_over(self, pyodide_kernel: Any) -> None:
        """Have all that the shell shows go through here."""
        from IPython.core import page, payloadpage

        shell = self.shell
        shell.set_hook("show_in_pager", page.as_hook(payloadpage.page), 99)
        for tool in ("pip", "conda", "mamba", "micromamba"):
            shell.register_magic_function(refuse_late(tool), magic_name=tool)
        pyodide_kernel.stdout_stream, pyodide_kernel.stderr_stream = self.streams
        sys.stdout, sys.stderr = self.streams
        shell._showtraceback = self.tell_error
        shell.send_comm = self.tell_comm
        shell.input = lambda prompt="": self.ask(prompt, password=False)
        shell.getpass = lambda prompt="Password: ", stream=None: self.ask(prompt, password=True)
        shell.displayhook.publish_execution_result = self.tell_result
        shell.display_pub.display_data_callback = lambda *told: self.tell_display("display_data", *told)
        shell.display_pub.update_display_data_callback = lambda *told: self.tell_display("update_display_data", *told)
        shell.display_pub.clear_output_callback = lambda wait=False: self.tell("iopub", "clear_output", {"wait": wait})

    # What is told.

    def tell(self, channel: str, kind: str, content: Any, metadata: Any = None, buffers: Any = None) -> None:
        if kind != "stream":
            self.flush()
        self.host.say(channel, kind, self.dumps(content), self.dumps(metadata or {}), _to_js(buffers))

    def dumps(self, value: Any) -> str:
        try:
            return json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            return json.dumps(self.clean(value), allow_nan=False, default=repr)

    def flush(self) -> None:
        for stream in self.streams:
            stream.flush()

    def tell_text(self, name: str, text: str) -> None:
        self.tell("iopub", "stream", {"name": name, "text": text})

    def tell_result(self, count: int, data: Any, metadata: Any) -> None:
        self.tell("iopub", "execute_result", {"execution_count": count, "data": data, "metadata": metadata or {}})

    def tell_display(self, kind: str, data: Any, metadata: Any = None, transient: Any = None) -> None:
        shown = self.clean(self.encode_images(data))
        self.tell("iopub", kind, {"data": shown, "metadata": metadata or {}, "transient": transient or {}})

    def tell_comm(self, kind: str, content: Any, metadata: Any = None, topic: Any = None, buffers: Any = None) -> None:
        self.tell("iopub", kind, content, metadata, buffers)

    def tell_error(self, etype: Any, evalue: Any, traceback: Any) -> None:
        lines = list(traceback) if not isinstance(traceback, str) else traceback.split("\n")
        name, text = getattr(etype, "__name__", str(etype)), str(evalue)
        if self.stopped and etype is asyncio.CancelledError:
            name, text = "KeyboardInterrupt", ""
            lines[-1:] = ["KeyboardInterrupt: while the cell was at an await"]
        self.error = {"ename": name, "evalue": text, "traceback": lines}
        self.tell("iopub", "error", self.error)

    def ask(self, prompt: object, *, password: bool) -> str:
        if not self.allow_stdin:
            from IPython.core.error import StdinNotImplementedError

            raise StdinNotImplementedError("input() was called, but this front end does not support it")
        self.flush()
        self.tell("stdin", "input_request", {"prompt": str(prompt), "password": password})
        answer = self.host.ask()
        if answer.interrupted:
            raise KeyboardInterrupt
        return answer.value

    # What is asked.

    async def handle(self, text: str, buffers: Any) -> None:
        """Answer one request, given as JSON without its buffers."""
        message: Message = json.loads(text)
        kind = message["header"]["msg_type"]
        message["buffers"] = [memoryview(found.to_bytes()) for found in buffers]
        self.tell("iopub", "status", {"execution_state": "busy"})
        answer = getattr(self, f"on_{kind}", None)
        if answer:
            reply = answer(message)
            if asyncio.iscoroutine(reply):
                reply = await reply
            if reply is not None:
                reply_kind = kind.removesuffix("_request") + "_reply"
                self.tell("shell", reply_kind, {"status": "ok", **reply})
        self.tell("iopub", "status", {"execution_state": "idle"})

    async def on_execute_request(self, message: Message) -> Reply:
        content, shell = message["content"], self.shell
        code, silent = content["code"], content.get("silent", False)
        keep = content.get("store_history", not silent) and not silent
        self.allow_stdin = content.get("allow_stdin", False)
        self.error, self.stopped = None, False
        count = shell.execution_count
        if not silent:
            self.tell("iopub", "execute_input", {"code": code, "execution_count": count})
        try:
            await self.run(code, silent=silent, keep=keep)
            values = shell.user_expressions(content.get("user_expressions") or {})
        except KeyboardInterrupt:
            shell.showtraceback()
        payload = shell.payload_manager.read_payload()
        shell.payload_manager.clear_payload()
        if self.error:
            return {"status": "error", **self.error, "execution_count": count, "payload": payload}
        return {"execution_count": count, "user_expressions": values, "payload": payload}

    async def run(self, code: str, *, silent: bool, keep: bool) -> None:
        shell = self.shell
        raised = None
        try:
            transformed = shell.transform_cell(code)
        except Exception:  # noqa: BLE001 - a transformation of the user's own may raise anything
            transformed, raised = code, sys.exc_info()
        how = {"transformed_cell": transformed, "preprocessing_exc_tuple": raised}
        if not shell.should_run_async(code, **how):
            shell.run_cell(code, store_history=keep, silent=silent)
            return
        self.task = asyncio.ensure_future(shell.run_cell_async(code, store_history=keep, silent=silent, **how))
        self.host.awaits(True)
        try:
            await self.task
        except asyncio.CancelledError:
            if not self.stopped:
                raise
            if not self.error:
                shell.showtraceback()
        finally:
            self.host.awaits(False)
            self.task = None
        # What IPython does after a cell that it runs by itself.
        shell.events.trigger("post_execute")
        if not silent:
            shell.events.trigger("post_run_cell", getattr(shell, "_last_run_result", None))

    def interrupt(self) -> None:
        """End the cell that waits at an ``await``."""
        if self.task:
            self.stopped = True
            self.task.cancel()

    def on_kernel_info_request(self, message: Message) -> Reply:
        import IPython

        version = platform.python_version()
        language = {
            "name": "python",
            "version": version,
            "mimetype": "text/x-python",
            "codemirror_mode": {"name": "ipython", "version": 3},
            "pygments_lexer": "ipython3",
            "nbconvert_exporter": "python",
            "file_extension": ".py",
        }
        return {
            "protocol_version": "5.3",
            "implementation": "pyodide",
            "implementation_version": sys.modules["pyodide_kernel"].__version__,
            "language_info": language,
            "banner": f"Python {version} by Pyodide, IPython {IPython.__version__}",
            "help_links": [],
        }

    def on_complete_request(self, message: Message) -> Reply:
        content = message["content"]
        return self.kernel.complete(content["code"], content.get("cursor_pos"))

    def on_inspect_request(self, message: Message) -> Reply:
        content = message["content"]
        return self.kernel.inspect(content["code"], content["cursor_pos"], content.get("detail_level", 0))

    def on_is_complete_request(self, message: Message) -> Reply:
        return self.kernel.is_complete(message["content"]["code"])

    def on_history_request(self, message: Message) -> Reply:
        return {"history": []}

    def on_comm_info_request(self, message: Message) -> Reply:
        return {"comms": self.kernel.comm_info(message["content"].get("target_name") or "")}

    def on_comm_open(self, message: Message) -> None:
        self.kernel.comm_manager.comm_open(None, None, message)

    def on_comm_msg(self, message: Message) -> None:
        self.kernel.comm_manager.comm_msg(None, None, message)

    def on_comm_close(self, message: Message) -> None:
        self.kernel.comm_manager.comm_close(None, None, message)

    def on_interrupt_request(self, message: Message) -> Reply:
        return {}

    def on_shutdown_request(self, message: Message) -> Reply:
        return {"restart": message["content"].get("restart", False)}


def tidy_search_path() -> None:
    """Forget how the interpreter was told of its standard library (load.ts)."""
    sys.path[:] = dict.fromkeys(sys.path)
    given, _, _ = os.environ.pop("PYTHONPATH", "").rpartition(":")
    if given:
        os.environ["PYTHONPATH"] = given


def refuse_late(tool: str) -> Any:
    """What comes to Python of a command that the installer does: one within a block."""

    def refuse(line: str) -> None:
        raise RuntimeError(
            f"`%{tool} {line}` is within a block: such commands are done before the cell begins and stand at its left "
            "margin; a program installs by `await micropip.install(...)`"
        )

    return refuse


def _to_js(buffers: Any) -> Any:
    from pyodide.ffi import to_js

    return to_js([bytes(found) for found in buffers or []])
