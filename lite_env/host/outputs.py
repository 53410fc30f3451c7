"""What a notebook keeps of a kernel's output messages (nbformat 4); nothing here touches a file or a kernel."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from lite_env.host.engine import traceback_of

if TYPE_CHECKING:
    from lite_env.host.engine import Message

Output = dict[str, Any]


class Displays:
    """The outputs of one session by ``display_id``: an update reaches every one, in whichever cell."""

    def __init__(self) -> None:
        self._by_id: dict[str, list[Output]] = {}

    def remember(self, display_id: str, output: Output) -> None:
        """Know `output` under `display_id`."""
        self._by_id.setdefault(display_id, []).append(output)

    def update(self, display_id: str, content: dict[str, Any]) -> None:
        """Replace what is shown under `display_id`."""
        for output in self._by_id.get(display_id, ()):
            output["data"] = deepcopy(content.get("data") or {})
            output["metadata"] = deepcopy(content.get("metadata") or {})


class CellOutputs:
    """The outputs of one cell, as they are at this moment."""

    def __init__(self, displays: Displays) -> None:
        self._displays = displays
        self._clear_first = False
        self.items: list[Output] = []

    def add(self, message: Message) -> None:
        """Take in one output message; types that leave nothing in a notebook are passed over."""
        content = message.content
        match message.type:
            case "clear_output":
                self._clear_first = bool(content.get("wait"))
                if not self._clear_first:
                    self.items.clear()
            case "update_display_data":
                self._displays.update(_display_id(content), content)
            case "stream":
                self._add_stream(str(content.get("name") or "stdout"), str(content.get("text") or ""))
            case "display_data" | "execute_result":
                self._add_display(message)
            case "error":
                self._append(
                    {
                        "output_type": "error",
                        "ename": str(content.get("ename") or ""),
                        "evalue": str(content.get("evalue") or ""),
                        "traceback": list(traceback_of(content)),
                    }
                )

    def _add_stream(self, name: str, text: str) -> None:
        if not text:
            return
        last = self.items[-1] if self.items and not self._clear_first else None
        if last is not None and last["output_type"] == "stream" and last["name"] == name:
            last["text"] += text
        else:
            self._append({"output_type": "stream", "name": name, "text": text})

    def _add_display(self, message: Message) -> None:
        content = message.content
        output: Output = {
            "output_type": message.type,
            "data": deepcopy(content.get("data") or {}),
            "metadata": deepcopy(content.get("metadata") or {}),
        }
        if message.type == "execute_result":
            output["execution_count"] = content.get("execution_count")
        self._append(output)
        display_id = _display_id(content)
        if display_id:
            self._displays.remember(display_id, output)

    def _append(self, output: Output) -> None:
        if self._clear_first:
            self.items.clear()
            self._clear_first = False
        self.items.append(output)


def _display_id(content: dict[str, Any]) -> str:
    return str((content.get("transient") or {}).get("display_id") or "")
