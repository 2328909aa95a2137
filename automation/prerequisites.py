"""What of this machine a command needs on a stack: tools and plugins, and no others.

A preview of a stack in a cloud runs where there is no lab, no credentials and no network: it must
not wait for tools that only changes use.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from artifacts import catalogue

CLOUDS = {"aws": "aws", "azure": "azure-native"}
"""The plugin of each cloud, by the key that its section has in a stack file."""

_COMMON = ("command", "tls", "kubernetes")
_ENGINE = ("pulumi", "pulumi-language-python", "pulumi-language-python-exec")


class Purpose(enum.Enum):
    """What a command does with a stack."""

    PREVIEW = "preview"
    CHANGE = "change"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Prerequisites:
    """Names of tools (the catalogue's) and of plugins."""

    tools: tuple[str, ...] = catalogue.TOOLS
    plugins: tuple[str, ...] = (*_COMMON, *CLOUDS.values())


def prerequisites_of(cluster: Mapping[str, Any], use: Purpose, *, lab: bool) -> Prerequisites:
    """What a stack needs; `cluster`: its description as it was read, `lab`: whether hosts are made for it."""
    clouds = tuple(plugin for key, plugin in CLOUDS.items() if cluster.get(key))
    plugins = (*_COMMON, *clouds)
    if use is not Purpose.PREVIEW or lab:
        return Prerequisites(plugins=plugins)
    # Charts of this machine are rendered in a preview.
    helm = ("helm",) if cluster.get("helm_releases") else ()
    return Prerequisites(tools=(*_ENGINE, *helm), plugins=plugins)
