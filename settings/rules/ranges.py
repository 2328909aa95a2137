"""Rules about the network plan [A4]. Messages contain the calculation."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv4Network

from settings.cluster import CLOUD_SECTIONS
from settings.kubelet import DEFAULTS
from settings.problem import Problem
from settings.rules.base import RuleInput, rule
from settings.rules.node_networks import describe_separate_networks
from topology.environments import PUBLIC_ENVIRONMENTS
from topology.network import (
    MAX_SPLIT_BITS,
    find_overlaps,
    max_node_ranges,
    node_prefix_for_pods,
    pod_addresses,
    pods_prefix_for_nodes,
    service_addresses,
)
from topology.options import Backend

RESERVED_RANGES = {
    "this host (RFC 1122)": IPv4Network("0.0.0.0/8"),
    "loopback": IPv4Network("127.0.0.0/8"),
    "link-local and cloud metadata": IPv4Network("169.254.0.0/16"),
    "multicast and reserved": IPv4Network("224.0.0.0/3"),
}
"""Ranges that no machine, pod or service can have, by their meaning."""


@rule(needs_valid=("network.machines", "network.pods", "network.services", *CLOUD_SECTIONS))
def ranges_do_not_overlap(rule_input: RuleInput) -> Iterator[Problem]:
    """Require that the ranges of pods, services and machines do not overlap."""
    for shared in find_overlaps(_named_ranges(rule_input)):
        yield Problem(
            shared.right,
            _quoted_range(rule_input, shared.right),
            f"overlaps {shared.left} ({_quoted_range(rule_input, shared.left)}): "
            f"{shared.first} to {shared.last}, {shared.count:,} addresses; choose another range",
        )


@rule(needs_valid=("network.machines", "network.pods", "network.services", *CLOUD_SECTIONS))
def ranges_are_routable(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse ranges with reserved addresses, such as loopback addresses."""
    for path, network in _named_ranges(rule_input):
        for meaning, reserved in RESERVED_RANGES.items():
            if network.overlaps(reserved):
                yield Problem(
                    path,
                    f'"{network}"',
                    f"lies in {reserved}, {meaning}; allowed: private ranges such as 10.0.0.0/8",
                )


@rule(needs_valid=("endpoint.host", "network.pods", "network.services"))
def endpoint_is_outside_cluster_ranges(rule_input: RuleInput) -> Iterator[Problem]:
    """Require an endpoint outside the ranges of pods and services."""
    settings = rule_input.settings
    try:
        address = IPv4Address(settings.endpoint.host) if settings.endpoint else None
    except AddressValueError:
        return
    for name, network in (("pods", settings.network.pods), ("services", settings.network.services)):
        if address and address in network:
            yield Problem(
                "endpoint.host", f'"{address}"', f"is inside network.{name} ({network}); it must be outside"
            )


@rule(needs=("network.pods", "network.node_prefix"))
def node_prefix_splits_pod_range(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a `network.node_prefix` into which kube-controller-manager can split the range of pods."""
    pods, prefix = rule_input.settings.network.pods, rule_input.settings.network.node_prefix
    bits = prefix - pods.prefixlen
    if bits < 0:
        yield Problem(
            "network.node_prefix",
            str(prefix),
            f"a /{prefix} for each node is larger than the whole of network.pods, a /{pods.prefixlen}; "
            f"allowed: {pods.prefixlen} to {min(30, pods.prefixlen + MAX_SPLIT_BITS)}",
        )
    elif bits > MAX_SPLIT_BITS:
        yield Problem(
            "network.node_prefix",
            str(prefix),
            f"a /{pods.prefixlen} split into /{prefix} is {bits} bits; kube-controller-manager splits by at "
            f"most {MAX_SPLIT_BITS}; allowed here: at most {pods.prefixlen + MAX_SPLIT_BITS}",
        )


@rule(needs=("network.pods", "network.node_prefix", "control_planes.hosts"), needs_valid=("pools",))
def pod_range_holds_all_nodes(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a range of pods that has a node range for every node."""
    settings = rule_input.settings
    pods, prefix = settings.network.pods, settings.network.node_prefix
    node_count = len(set(settings.control_planes.hosts)) + settings.worker_count
    max_nodes = max_node_ranges(pods, prefix)
    if 0 < max_nodes < node_count:
        yield Problem(
            "network.pods",
            f'"{pods}"',
            f"a /{pods.prefixlen} split into /{prefix} holds {max_nodes:,} nodes; {node_count:,} needed; "
            f"{_larger_pod_range(node_count, prefix)}",
        )


def _larger_pod_range(nodes: int, node_prefix: int) -> str:
    """Return the end of a message about a range of pods that is too small: the size that it needs."""
    try:
        return f"needs a /{pods_prefix_for_nodes(nodes, node_prefix)} or larger"
    except ValueError:
        return "no IPv4 range is that large; reduce the sizes of the pools"


@rule(needs=("network.node_prefix",), needs_valid=("kubelet", "control_planes.kubelet", "pools"))
def node_range_holds_all_pods(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a node range with addresses for the maximum number of pods of a node."""
    settings = rule_input.settings
    prefix = settings.network.node_prefix
    max_pods = pod_addresses(prefix)
    common = settings.kubelet.max_pods
    own = {"control_planes": settings.control_planes.kubelet.max_pods}
    own |= {f"pools.{name}": pool.kubelet.max_pods for name, pool in settings.pools.items()}
    max_pods_by_path = {f"{path}.kubelet.max_pods": count for path, count in own.items() if count is not None}
    if None in own.values():
        max_pods_by_path["kubelet.max_pods"] = common if common is not None else DEFAULTS.max_pods
    for path, count in max_pods_by_path.items():
        if count > max_pods:
            yield Problem(
                path,
                str(count),
                f"a node's range, a /{prefix}, holds {max_pods} pods; {count} needed; "
                f"lower it to {max_pods} or set network.node_prefix to {node_prefix_for_pods(count)}",
            )


@rule(needs=("network.services",))
def service_range_has_valid_size(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a range of services from /12, the limit of the API server, to /26."""
    services = rule_input.settings.network.services
    if services.prefixlen > 26:
        yield Problem(
            "network.services",
            f'"{services}"',
            f"a /{services.prefixlen} holds about {service_addresses(services)} services, some of them the "
            "cluster's own; allowed: /12 to /26, such as a /22 for about 1,022",
        )
    if services.prefixlen < 12:
        yield Problem(
            "network.services",
            f'"{services}"',
            f"a /{services.prefixlen} has {32 - services.prefixlen} bits of addresses; kube-apiserver takes "
            "at most 20, a /12",
        )


@rule(needs=("network.backend",), needs_valid=("network.machines",))
def host_gateway_nodes_share_network(rule_input: RuleInput) -> Iterator[Problem]:
    """Require that all nodes are in one network if the flannel backend is host-gw."""
    settings = rule_input.settings
    if settings.network.backend is not Backend.HOST_GW:
        return
    if where := describe_separate_networks(settings):
        yield Problem(
            "network.backend", '"host-gw"', f"needs all nodes in one network, but: {where}; allowed: vxlan"
        )


@rule(needs=("network.mtu", "network.backend"))
def mtu_is_valid(rule_input: RuleInput) -> Iterator[Problem]:
    """Require an MTU from 1280 bytes, the minimum of IPv6, to 9216 bytes, the size of jumbo frames."""
    mtu = rule_input.settings.network.mtu
    if mtu and not 1280 <= mtu <= 9216:
        yield Problem(
            "network.mtu",
            str(mtu),
            "not allowed; use 0 (detected on each host) or 1280 to 9216 bytes; vxlan takes 50 of them",
        )


@rule(needs=("network.api_allowed", "environment"))
def api_allowed_is_set(rule_input: RuleInput) -> Iterator[Problem]:
    """Require `network.api_allowed`, except in environments that may be public. Refuse an empty list."""
    settings = rule_input.settings
    allowed = settings.network.api_allowed
    if allowed is None and settings.environment not in PUBLIC_ENVIRONMENTS:
        yield Problem(
            "network.api_allowed",
            "",
            f"required in the environment {settings.environment}: list the networks of users and of the "
            "deployer; only poc and lab allow all networks by default",
        )
    if allowed == ():
        yield Problem(
            "network.api_allowed",
            "",
            "is empty: no client, the deployer included, could reach the API; name networks",
        )


@rule(needs=("network.ssh_allowed",))
def ssh_allowed_is_not_empty(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse an empty `network.ssh_allowed` on bare metal, because the deployer could not reach the hosts."""
    settings = rule_input.settings
    if settings.network.ssh_allowed == () and settings.metal:
        yield Problem(
            "network.ssh_allowed",
            "",
            "is empty: the deployer could not reach the hosts; list its network",
        )


def _named_ranges(rule_input: RuleInput) -> list[tuple[str, IPv4Network]]:
    """Return the ranges of machines, pods and services, each with the path of its setting."""
    network, cloud = rule_input.settings.network, rule_input.settings.cloud
    if cloud:
        cloud_range = (f"{rule_input.settings.cloud_name}.network.range", cloud.range)
        return [cloud_range, ("network.pods", network.pods), ("network.services", network.services)]
    machines = [(f"network.machines[{index}]", item) for index, item in enumerate(network.machines)]
    return [*machines, ("network.pods", network.pods), ("network.services", network.services)]


def _quoted_range(rule_input: RuleInput, path: str) -> str:
    return f'"{dict(_named_ranges(rule_input))[path]}"'
