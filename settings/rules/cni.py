"""Rules about the CNI [G1]."""

from __future__ import annotations

from collections.abc import Iterator

from settings.charts import needs_repository
from settings.cluster import CLOUD_SECTIONS
from settings.problem import Problem
from settings.rules.base import RuleInput, rule
from settings.rules.node_networks import describe_separate_networks
from topology.cilium import VERSION, RoutingMode
from topology.dns import NodeCache
from topology.options import NetworkPlugin

_OF_FLANNEL = ("backend", "policies", "mtu")
"""Keys of `network` that only flannel and its network policy controller read."""
_SECTION = "network.cilium"


@rule(needs=("network.cni", *(f"network.{key}" for key in _OF_FLANNEL)))
def own_cni_has_own_settings(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse keys that have no effect on the user's own CNI."""
    network = rule_input.settings.network
    if network.cni is not NetworkPlugin.NONE:
        return
    for key in _OF_FLANNEL:
        if key in network.model_fields_set:
            yield Problem(
                f"network.{key}",
                f'"{getattr(network, key)}"',
                "has no effect with network.cni: none; remove it, and configure your CNI",
            )


@rule(needs=("network.cni", "network.backend", "network.policies"))
def cilium_has_no_settings_of_flannel(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse keys of flannel and of kube-router with Cilium."""
    network = rule_input.settings.network
    if network.cni is not NetworkPlugin.CILIUM:
        return
    if "backend" in network.model_fields_set:
        yield Problem(
            "network.backend",
            f'"{network.backend}"',
            f"is the backend of flannel; remove it, and set {_SECTION}.routing_mode",
        )
    if "policies" in network.model_fields_set:
        yield Problem(
            "network.policies",
            f'"{network.policies}"',
            "is for flannel; Cilium always enforces NetworkPolicy objects; remove it",
        )


@rule(needs=("network.cni", _SECTION))
def only_cilium_has_its_section(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse options of Cilium in a cluster with another CNI."""
    network = rule_input.settings.network
    if network.cilium is not None and network.cni is not NetworkPlugin.CILIUM:
        yield Problem(
            _SECTION, "", f"has no effect with network.cni: {network.cni}; set cni: cilium, or remove it"
        )


@rule(needs=(_SECTION, "network.cni", "network.proxy_mode", "proxy"))
def replaced_kube_proxy_has_no_settings(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse settings of kube-proxy if Cilium replaces it."""
    settings = rule_input.settings
    cilium = settings.network.cilium_options
    if cilium is None or not cilium.kube_proxy_replacement:
        return
    message = f"nodes have no kube-proxy with {_SECTION}.kube_proxy_replacement; remove it"
    if "proxy_mode" in settings.network.model_fields_set:
        yield Problem("network.proxy_mode", f'"{settings.network.proxy_mode}"', message)
    if settings.proxy.extra_args:
        yield Problem("proxy.extra_args", "", message)


@rule(needs=("network.cni", "dns.node_cache"))
def cilium_has_no_node_cache(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse the DNS cache of nodes with Cilium, whose policies treat its address as the node."""
    settings = rule_input.settings
    if settings.network.cni is NetworkPlugin.CILIUM and settings.dns.node_cache is not NodeCache.NONE:
        yield Problem(
            "dns.node_cache",
            f'"{settings.dns.node_cache}"',
            "does not work with network.cni: cilium, because policies for CoreDNS do not apply to an address "
            "of the node; remove it",
        )


@rule(needs=("network.cni", "addons.ingress"))
def cilium_has_no_host_ports(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse host ports of the ingress with Cilium. Its programs serve them before the packet filter."""
    settings = rule_input.settings
    ingress = settings.addons.ingress
    if settings.network.cni is NetworkPlugin.CILIUM and ingress and ingress.pool is not None:
        yield Problem(
            "addons.ingress.pool",
            f'"{ingress.pool}"',
            "needs host ports of pods, which the packet filter cannot limit with network.cni: cilium; use "
            "load_balancer: true",
        )


@rule(needs=(_SECTION, "network.cni"))
def cilium_version_is_supported(rule_input: RuleInput) -> Iterator[Problem]:
    """Require the minor version of Cilium whose chart values Kubewright knows."""
    cilium = rule_input.settings.network.cilium_options
    minor = VERSION.rpartition(".")[0]
    if cilium and cilium.version.rpartition(".")[0] != minor:
        yield Problem(
            f"{_SECTION}.version",
            f'"{cilium.version}"',
            f"not supported; use a version {minor}.x, such as {VERSION}",
        )


@rule(needs=(_SECTION, "network.cni"))
def cilium_chart_has_one_source(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse a repository for a chart that is a path or an oci:// reference."""
    cilium = rule_input.settings.network.cilium_options
    if cilium and not needs_repository(cilium.chart) and "repository" in cilium.model_fields_set:
        yield Problem(
            f"{_SECTION}.repository",
            "",
            "allowed only with a chart's name; remove it for a path or oci:// reference",
        )


@rule(needs=(_SECTION, "network.cni"), needs_valid=("network.machines", "metal", *CLOUD_SECTIONS))
def native_routing_has_routes(rule_input: RuleInput) -> Iterator[Problem]:
    """Require that all nodes share a network if nodes route packets of pods to each other."""
    settings = rule_input.settings
    cilium = settings.network.cilium_options
    if cilium is None or cilium.routing_mode is not RoutingMode.NATIVE:
        return
    path, value = f"{_SECTION}.routing_mode", '"native"'
    if settings.cloud:
        yield Problem(
            path,
            value,
            "does not work in a cloud, because clouds drop packets with pod addresses; use tunnel",
        )
        return
    if where := describe_separate_networks(settings):
        yield Problem(path, value, f"needs all nodes in one network, but: {where}; use tunnel")
