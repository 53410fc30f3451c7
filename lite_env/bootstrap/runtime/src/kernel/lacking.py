"""What a kernel lacks says so: Python's own words for a thread that cannot be started leave people at a loss."""

from __future__ import annotations


def _lite_env_tell() -> None:
    import _thread
    import sys

    def start(*_args: object, **_how: object) -> None:
        raise RuntimeError(
            "can't start new thread: a kernel in a browser has no threads; do the work in the cell, or with asyncio"
        )

    for name in ("start_new_thread", "start_new", "start_joinable_thread"):
        if hasattr(_thread, name):
            setattr(_thread, name, start)
    threading = sys.modules.get("threading")
    for name in ("_start_new_thread", "_start_joinable_thread"):
        if hasattr(threading, name):
            setattr(threading, name, start)

    class Last:
        """The last of the finders: what is asked of it, no other has found."""

        @staticmethod
        def find_spec(name: str, *_: object) -> None:
            if name in {"micropip", "piplite"} and sys._getframe(2).f_code.co_name == "_find_and_load_unlocked":  # noqa: SLF001
                # An import, which would end in an error anyhow; who only looks gets none.
                raise ModuleNotFoundError(
                    f"No module named '{name}': this environment is without it. `%pip install NAME` does not need it; "
                    f"a program that does needs {name} in the environment file",
                    name=name,
                )

    sys.meta_path.append(Last)


_lite_env_tell()
del _lite_env_tell
