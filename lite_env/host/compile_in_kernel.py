"""Runs inside the packed kernel, as a cell: compiles modules of the environment and leaves the result in a file."""


def _lite_env_compile(names, optimize, output):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - any Python 3
    """Compile the modules that the JSON list `names` gives, below the root; write header and codes to `output`."""
    # A cell's globals are its user's: nothing stays there but this one name.
    import _imp  # noqa: PLC0415
    import json  # noqa: PLC0415
    import marshal  # noqa: PLC0415
    import sys  # noqa: PLC0415
    import warnings  # noqa: PLC0415
    from importlib import util  # noqa: PLC0415

    magic = util.MAGIC_NUMBER
    files = []
    codes = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in json.loads(names):
            with open("/" + name, "rb") as stream:  # noqa: PTH123 - pathlib may not be loaded
                source = stream.read()
            digest = _imp.source_hash(int.from_bytes(magic[:4], "little"), source)
            try:
                code = marshal.dumps(compile(source, "/" + name, "exec", dont_inherit=True, optimize=optimize))
            except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
                files.append([name, "", 0, type(error).__name__ + ": " + str(error)])
                continue
            files.append([name, digest.hex(), len(code), None])
            codes.append(code)
    header = {"magic": magic.hex(), "tag": sys.implementation.cache_tag, "files": files}
    with open(output, "wb") as stream:  # noqa: PTH123
        stream.write(json.dumps(header).encode() + b"\n" + b"".join(codes))
