"""Channels made from source: toolchain, build, checks, tests in the kernel."""
