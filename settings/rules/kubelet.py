"""Rules about labels, taints and reserved resources of nodes [F1, F2]."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from formats import quantity
from settings.domains import KUBERNETES_DOMAINS, is_in_domain
from settings.kubelet import DEFAULTS, KubeletSettings
from settings.pools import ControlPlaneSettings, PoolSettings
from settings.problem import Problem
from settings.rules.base import RuleInput, rule
from topology.options import Kubelet

_OWN_PREFIX = "kubewright.dev"
# Prefixes below kubernetes.io and k8s.io in which an administrator may set labels.
_ALLOWED_PREFIXES = (
    "node-role.kubernetes.io",
    "node-restriction.kubernetes.io",
    "node.kubernetes.io",
    "topology.kubernetes.io",
    "kubelet.kubernetes.io",
)


@rule(needs=("pools", "control_planes"))
def labels_are_allowed(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse labels that Kubernetes reserves, and labels that mark a worker as a control plane."""
    for path, section in _node_sections(rule_input).items():
        for key in section.labels:
            reason = _rejection_reason(key, worker=isinstance(section, PoolSettings))
            if reason:
                yield Problem(f"{path}.labels", f'"{key}"', reason)


@rule(needs=("pools", "control_planes"))
def taints_are_allowed(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse repeated taints, and node.kubernetes.io/… taints, which the node controller would remove."""
    for path, section in _node_sections(rule_input).items():
        seen: set[tuple[str, str]] = set()
        for position, taint in enumerate(section.taints):
            where = f"{path}.taints[{position}]"
            prefix = taint.key.rpartition("/")[0]
            if prefix == "node.kubernetes.io":
                yield Problem(where, f'"{taint.key}"', "is reserved for Kubernetes; choose another prefix")
            if (taint.key, taint.effect) in seen:
                yield Problem(where, f'"{taint.key}"', f"named twice with effect {taint.effect}; remove one")
            seen.add((taint.key, taint.effect))


@rule(needs=("pools", "control_planes", "kubelet"))
def machines_have_resources_for_pods(rule_input: RuleInput) -> Iterator[Problem]:
    """Require machines with more resources than the reserved resources and the eviction threshold."""
    settings = rule_input.settings
    if settings.metal is None:
        return
    common = settings.kubelet.applied_to(DEFAULTS)
    nodes: dict[str, KubeletSettings] = dict.fromkeys(
        settings.control_planes.hosts, settings.control_planes.kubelet
    )
    for pool in settings.pools.values():
        nodes |= dict.fromkeys(pool.hosts, pool.kubelet)
    for name, own in nodes.items():
        host = settings.metal.hosts.get(name)
        if host is None:
            continue
        kubelet = own.applied_to(common)
        if host.memory:
            yield from _check_resource(
                name, "memory", quantity.parse_quantity(host.memory), _reserved_amounts(kubelet, "memory")
            )
        if host.cpus:
            yield from _check_resource(name, "cpu", Fraction(host.cpus), _reserved_amounts(kubelet, "cpu"))


def _check_resource(
    host: str, resource: str, available: Fraction, reserved: Mapping[str, str]
) -> Iterator[Problem]:
    """Yield a problem if the reserved amounts of a resource leave nothing of the host for pods."""
    total = sum((quantity.parse_quantity(value) for value in reserved.values()), Fraction(0))
    if total >= available:
        sums = " + ".join(f"{source} {value}" for source, value in reserved.items())
        is_memory = resource == "memory"
        field = "memory" if is_memory else "cpus"
        size = quantity.format_bytes(int(available)) if is_memory else str(available)
        yield Problem(
            f"metal.hosts.{host}.{field}",
            size,
            f"too small: {sums} leave nothing for pods; lower them or use a larger machine",
        )


def _reserved_amounts(kubelet: Kubelet, resource: str) -> dict[str, str]:
    """Return the amounts of a resource that pods cannot use, as quantities by the kubelet setting."""
    amounts = {
        "system_reserved": dict(kubelet.system_reserved).get(resource, "0"),
        "kube_reserved": dict(kubelet.kube_reserved).get(resource, "0"),
    }
    eviction = dict(kubelet.eviction_hard).get("memory.available", "0")
    if resource == "memory" and not eviction.endswith("%"):
        amounts["eviction_hard"] = eviction
    return amounts


def _node_sections(rule_input: RuleInput) -> dict[str, PoolSettings | ControlPlaneSettings]:
    """Return the sections that describe nodes, by their paths in the settings."""
    pools = {f"pools.{name}": pool for name, pool in rule_input.settings.pools.items()}
    return {"control_planes": rule_input.settings.control_planes, **pools}


def _rejection_reason(key: str, *, worker: bool) -> str:
    """Return why a label is not allowed; empty if it is allowed."""
    prefix, _, name = key.rpartition("/")
    if is_in_domain(prefix, _OWN_PREFIX):
        return f"{_OWN_PREFIX}/ is reserved for Kubewright; choose another prefix"
    if prefix == "node-role.kubernetes.io" and name in ("control-plane", "master"):
        return (
            "is set by Kubewright on control planes" if not worker else "only control planes have this label"
        )
    if is_in_domain(prefix, *KUBERNETES_DOMAINS) and prefix not in _ALLOWED_PREFIXES:
        allowed = ", ".join(_ALLOWED_PREFIXES)
        return f"is reserved for Kubernetes; of kubernetes.io and k8s.io, allowed are: {allowed}"
    return ""
