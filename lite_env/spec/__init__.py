"""What the user asks for: environment files (CEP 24)."""

from lite_env.spec.address import Channel
from lite_env.spec.environment import find_environment_file, read_environment
from lite_env.spec.model import DEFAULT_CHANNELS, EnvironmentSpec, Requirement

__all__ = [
    "DEFAULT_CHANNELS",
    "Channel",
    "EnvironmentSpec",
    "Requirement",
    "find_environment_file",
    "read_environment",
]
