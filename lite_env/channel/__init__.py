"""Conda channels made from what is published elsewhere: fetched, checked, repackaged, indexed."""

from lite_env.channel.build import build_channel, is_unbuilt, plan_channel, was_built
from lite_env.channel.catalog import find_definition
from lite_env.channel.definition import load_definition
from lite_env.channel.model import BuiltChannel, ChannelDefinition

__all__ = [
    "BuiltChannel",
    "ChannelDefinition",
    "build_channel",
    "find_definition",
    "is_unbuilt",
    "load_definition",
    "plan_channel",
    "was_built",
]
