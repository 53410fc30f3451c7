"""Channels made from source: toolchain, build, checks, tests in the kernel; and old recipes made new."""
