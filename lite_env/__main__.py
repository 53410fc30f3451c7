"""``python -m lite_env``."""

from lite_env.cli.main import main

main()
