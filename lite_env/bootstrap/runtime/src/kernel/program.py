"""Runs a file as Python runs a script, in the namespace of the cells; the call of it is the cell's last line."""


def _lite_env_run(path: str) -> None:
    __tracebackhide__ = True
    names = globals()
    # The user finds neither this function nor a changed `__file__`.
    del names["_lite_env_run"]
    had, before = "__file__" in names, names.get("__file__")
    names["__file__"] = path
    try:
        with open(path, "rb") as file:
            source = file.read()
        exec(compile(source, path, "exec", dont_inherit=True), names)
    finally:
        if had:
            names["__file__"] = before
        else:
            names.pop("__file__", None)
