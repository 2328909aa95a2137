"""Rules about the CNI [G1]."""

from __future__ import annotations

from collections.abc import Iterator

from settings.problem import Problem
from settings.rules.base import RuleInput, rule
from topology.options import NetworkPlugin

_OF_FLANNEL = ("backend", "policies", "mtu")
"""Keys of `network` that only flannel and its network policy controller read."""


@rule(needs=("network.cni", *(f"network.{key}" for key in _OF_FLANNEL)))
def own_cni_has_own_settings(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse keys that have no effect on the user's own CNI."""
    network = rule_input.settings.network
    if network.cni is NetworkPlugin.FLANNEL:
        return
    for key in _OF_FLANNEL:
        if key in network.model_fields_set:
            yield Problem(
                f"network.{key}",
                f'"{getattr(network, key)}"',
                "has no effect with network.cni: none; remove it, and configure your CNI",
            )
