"""``lite-env``: the commands by name, each imported only when it is asked for."""

from __future__ import annotations

from importlib import import_module

import click

from lite_env import __version__
from lite_env.cli.boundary import run_command

# Each module has a click command (or group) named `command`.
_COMMANDS = {
    "cache": "lite_env.cli.cache",
    "channel": "lite_env.cli.channel",
    "check": "lite_env.cli.check",
    "diff": "lite_env.cli.diff",
    "export": "lite_env.cli.export",
    "install": "lite_env.cli.install",
    "labextension": "lite_env.cli.labextension",
    "list": "lite_env.cli.list",
    "lock": "lite_env.cli.lock",
    "pack": "lite_env.cli.pack",
    "recipe": "lite_env.cli.recipe",
    "report": "lite_env.cli.report",
    "run": "lite_env.cli.run",
    "serve": "lite_env.cli.serve",
    "site": "lite_env.cli.site",
    "trace": "lite_env.cli.trace",
    "tree": "lite_env.cli.tree",
    "unpack": "lite_env.cli.unpack",
    "why": "lite_env.cli.why",
}


class _LazyGroup(click.Group):
    """Imports a command's module when it is used: `lite-env --version` loads no solver."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        module = _COMMANDS.get(cmd_name)
        if module is None:
            return None
        command = import_module(module).command
        if not isinstance(command, click.Command):
            msg = f"{module}.command is not a click command"
            raise TypeError(msg)
        return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lite-env")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no notes; warnings and errors stay.")
@click.pass_context
def cli(ctx: click.Context, *, debug: bool, quiet: bool) -> None:
    """Get a scientific conda environment into the browser.

    \b
    Example:
      lite-env pack environment.yml -o site/env
      lite-env run site/env -c "import numpy; print(numpy.arange(3))"
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped
    ctx.obj = {"debug": debug, "quiet": quiet}


def main() -> None:
    """Entry point of the console script."""
    run_command(cli)
