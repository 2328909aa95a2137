"""Prerequisites: the tools and plugins that a command on a stack needs on this machine, and no others.

A preview of a cloud stack must run without lab, credentials and network. It must not wait for tools that only
changes use.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from artifacts import catalogue
from providers.registry import CLOUDS

_COMMON = ("command", "tls", "kubernetes")
_ENGINE = ("pulumi", "pulumi-language-python", "pulumi-language-python-exec")


class Purpose(enum.Enum):
    """What a command does with a stack: preview, change, or anything else."""

    PREVIEW = "preview"
    CHANGE = "change"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Prerequisites:
    """Names of tools (of the catalogue) and of plugins. The defaults are all of them."""

    tools: tuple[str, ...] = catalogue.TOOLS
    plugins: tuple[str, ...] = (*_COMMON, *(cloud.plugin for cloud in CLOUDS))


def prerequisites_of(cluster: Mapping[str, Any], purpose: Purpose, *, lab: bool) -> Prerequisites:
    """Return what a stack needs. `cluster`: unvalidated settings; `lab`: whether the lab runs its hosts."""
    clouds = tuple(cloud.plugin for cloud in CLOUDS if cluster.get(cloud.settings_section))
    plugins = (*_COMMON, *clouds)
    if purpose is not Purpose.PREVIEW or lab:
        return Prerequisites(plugins=plugins)
    # A preview renders Helm charts on this machine.
    helm = ("helm",) if cluster.get("helm_releases") else ()
    return Prerequisites(tools=(*_ENGINE, *helm), plugins=plugins)
