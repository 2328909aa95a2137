"""Determines the tools and plugins that a command on a stack needs on this machine.

A preview of a cloud stack must run without lab, credentials and network, and must not wait for the
installation of tools that are needed only to change a cluster.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from artifacts import catalogue
from providers.registry import CLOUDS
from topology.options import NetworkPlugin

_COMMON_PLUGINS = ("command", "tls", "kubernetes")
_ENGINE_TOOLS = ("pulumi", "pulumi-language-python", "pulumi-language-python-exec")


class Purpose(enum.Enum):
    """The purpose for which a command uses a stack. Commands with the purpose `STATE` need no plugins."""

    PREVIEW = "preview"
    CHANGE = "change"
    STATE = "state"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Prerequisites:
    """Names of tools of the catalogue, and names of plugins. The default is all tools and plugins."""

    tools: tuple[str, ...] = catalogue.TOOLS
    plugins: tuple[str, ...] = (*_COMMON_PLUGINS, *(cloud.plugin for cloud in CLOUDS))


ENGINE_ONLY = Prerequisites(tools=_ENGINE_TOOLS, plugins=())
"""The prerequisites of commands that only read or edit the configuration and do not run the program."""


def prerequisites_of(cluster: Mapping[str, Any], purpose: Purpose, *, lab: bool) -> Prerequisites:
    """Return the tools and plugins that a command with this purpose needs for a stack.

    `cluster` is the unvalidated mapping `kubewright:cluster` of the stack file. `lab` is true when the lab
    runs the hosts of the stack.
    """
    clouds = tuple(cloud.plugin for cloud in CLOUDS if cluster.get(cloud.settings_section))
    plugins = () if purpose is Purpose.STATE else (*_COMMON_PLUGINS, *clouds)
    if purpose is not Purpose.PREVIEW or lab:
        return Prerequisites(plugins=plugins)
    # Previews run helm, because Helm charts are rendered on this machine.
    network = cluster.get("network")
    has_cilium = isinstance(network, Mapping) and network.get("cni") == NetworkPlugin.CILIUM
    helm = ("helm",) if cluster.get("helm_releases") or has_cilium or _has_volume_drivers(cluster) else ()
    return Prerequisites(tools=(*_ENGINE_TOOLS, *helm), plugins=plugins)


def _has_volume_drivers(cluster: Mapping[str, Any]) -> bool:
    """Check whether a stack installs a driver of volumes by its chart."""
    storage = cluster.get("storage")
    if not isinstance(storage, Mapping):
        return False
    nfs = storage.get("nfs")
    return bool(storage.get("ceph")) or (isinstance(nfs, Mapping) and bool(nfs.get("driver")))
