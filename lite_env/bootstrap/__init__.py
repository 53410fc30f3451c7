"""What runs in the browser: ``runtime/`` is the TypeScript project, ``runtime/dist/`` what is built from it."""

from lite_env.bootstrap.runtime_files import runtime_dir

__all__ = ["runtime_dir"]
