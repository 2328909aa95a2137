"""The objects in the API that checks judge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from automation.operations import cluster_facts
from automation.operations.cis.facts import CisFacts
from automation.operations.remote import Remote

Object = Mapping[str, Any]
QUERIES = {
    "namespaces": "get namespaces",
    "service_accounts": "get serviceaccounts --all-namespaces",
    "pods": "get pods --all-namespaces",
    "services": "get services --namespace=default",
    "roles": "get roles --all-namespaces",
    "role_bindings": "get rolebindings --all-namespaces",
    "cluster_roles": "get clusterroles",
    "cluster_role_bindings": "get clusterrolebindings",
    "network_policies": "get networkpolicies --all-namespaces",
}
"""kubectl queries by the fields of `ClusterObjects`."""
_TIMEOUT_SECONDS = 120
_NO_LEVEL = "privileged"  # the default of Pod Security


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterObjects:
    """Objects of a cluster.

    `pod_security` is the level that the API servers enforce in namespaces without a label, and
    `exempt_namespaces` are the namespaces without enforcement.
    """

    namespaces: Sequence[Object] = ()
    service_accounts: Sequence[Object] = ()
    pods: Sequence[Object] = ()
    services: Sequence[Object] = ()
    roles: Sequence[Object] = ()
    role_bindings: Sequence[Object] = ()
    cluster_roles: Sequence[Object] = ()
    cluster_role_bindings: Sequence[Object] = ()
    network_policies: Sequence[Object] = ()
    pod_security: str = _NO_LEVEL
    exempt_namespaces: frozenset[str] = frozenset()


def name_of(item: Object) -> str:
    """Return the name of an object."""
    return str(item["metadata"]["name"])


def namespace_of(item: Object) -> str:
    """Return the namespace of an object, empty for an object of the cluster."""
    return str(item["metadata"].get("namespace", ""))


def query(remote: Remote, control_planes: Sequence[str], hosts: Iterable[CisFacts]) -> ClusterObjects:
    """Return the objects of a cluster. `hosts` are the facts of its control planes.

    Raise ApiUnavailable when no control plane responds.
    """
    lists = cluster_facts.run_queries(remote, control_planes, *QUERIES.values(), timeout=_TIMEOUT_SECONDS)
    items = {name: tuple(listed["items"]) for name, listed in zip(QUERIES, lists, strict=True)}
    level, exempt = pod_security(hosts)
    return ClusterObjects(**items, pod_security=level, exempt_namespaces=exempt)


def pod_security(hosts: Iterable[CisFacts]) -> tuple[str, frozenset[str]]:
    """Return the weakest default level of the API servers, and all namespaces that one of them exempts."""
    levels, exempt = [], set[str]()
    for facts in hosts:
        flags = facts.flags.get("kube-apiserver")
        if flags is None:
            continue
        configuration = facts.configurations.get(flags.get("admission-control-config-file", ""))
        plugin = _pod_security_plugin(configuration if isinstance(configuration, Mapping) else {})
        levels.append(str((plugin.get("defaults") or {}).get("enforce", _NO_LEVEL)))
        exempt |= set((plugin.get("exemptions") or {}).get("namespaces") or ())
    order = ("privileged", "baseline", "restricted")
    known = [level if level in order else _NO_LEVEL for level in levels] or [_NO_LEVEL]
    return min(known, key=order.index), frozenset(exempt)


def _pod_security_plugin(configuration: Mapping[str, Any]) -> Mapping[str, Any]:
    for plugin in configuration.get("plugins") or ():
        if plugin.get("name") == "PodSecurity" and isinstance(plugin.get("configuration"), Mapping):
            found: Mapping[str, Any] = plugin["configuration"]
            return found
    return {}
