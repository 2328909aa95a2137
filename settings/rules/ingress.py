"""Rules about the add-on that serves Ingress objects [H4]."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from settings.cluster import Settings
from settings.pem import is_key_of
from settings.problem import Problem, suggestion
from settings.rules.access import namespace_users
from settings.rules.base import RuleInput, rule
from topology.ingress import HTTP_PORT, HTTPS_PORT, NAMESPACE
from topology.model import Role
from topology.taints import TaintEffect

_SECTION = "addons.ingress"
_PORTS = (HTTP_PORT, HTTPS_PORT)


@rule(needs=(_SECTION,))
def ingress_has_one_entry(rule_input: RuleInput) -> Iterator[Problem]:
    """Require either a pool or a load balancer, and no settings of the other."""
    ingress = rule_input.settings.addons.ingress
    if ingress is None:
        return
    if ingress.pool is None and not ingress.load_balancer:
        yield Problem(
            _SECTION,
            "",
            "needs pool, whose nodes open ports 80 and 443, or load_balancer: true",
        )
    if ingress.pool is not None and ingress.load_balancer:
        yield Problem(f"{_SECTION}.load_balancer", "true", "pool is also set; remove one of them")
    if ingress.load_balancer:
        return
    if ingress.replicas is not None:
        yield Problem(
            f"{_SECTION}.replicas",
            str(ingress.replicas),
            "has no effect without load_balancer: each node of the pool has one pod; remove it",
        )
    if ingress.annotations:
        yield Problem(
            f"{_SECTION}.annotations",
            "",
            "has no effect without load_balancer; remove it",
        )


@rule(needs=(_SECTION,))
def gateway_namespaces_have_a_gateway(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse labels of namespaces without the Gateway that they restrict."""
    ingress = rule_input.settings.addons.ingress
    if ingress and ingress.gateway_namespaces and not ingress.gateway_api:
        yield Problem(
            f"{_SECTION}.gateway_namespaces",
            "",
            "has no effect without gateway_api: true; add it, or remove gateway_namespaces",
        )


@rule(needs=(_SECTION,), needs_valid=("pools",))
def ingress_pool_is_dedicated(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a pool with nodes that other pods do not use."""
    settings, path = rule_input.settings, f"{_SECTION}.pool"
    name = settings.addons.ingress.pool if settings.addons.ingress else None
    if name is None:
        return
    pool = settings.pools.get(name)
    if pool is None:
        hint = suggestion(name, settings.pools, "add it to pools")
        yield Problem(path, f'"{name}"', f"no such pool of workers; {hint}")
        return
    if not any(taint.effect is not TaintEffect.PREFER_NO_SCHEDULE for taint in pool.taints):
        yield Problem(
            path,
            f'"{name}"',
            "its nodes accept all pods, which would share their ports and load; add a taint such as "
            f'"dedicated=ingress:NoSchedule" to pools.{name}.taints',
        )
    if not pool.max_nodes or (pool.size and not pool.size.min):
        yield Problem(path, f'"{name}"', f"can have no nodes; give pools.{name} at least one")


@rule(needs=(_SECTION,))
def ingress_load_balancer_has_a_controller(rule_input: RuleInput) -> Iterator[Problem]:
    """Require software that serves services of type LoadBalancer."""
    settings = rule_input.settings
    ingress = settings.addons.ingress
    if ingress and ingress.load_balancer and not _serves_load_balancers(settings):
        yield Problem(
            f"{_SECTION}.load_balancer",
            "true",
            "nothing in this cluster serves services of type LoadBalancer; add addons.load_balancer, or set "
            "pool instead",
        )


def _serves_load_balancers(settings: Settings) -> bool:
    return settings.cloud is not None or settings.addons.load_balancer is not None


@rule(needs=(_SECTION, "network.node_ports"), needs_valid=("network.ports", "metal.ssh.port"))
def ingress_ports_are_free(rule_input: RuleInput) -> Iterator[Problem]:
    """Require that no other setting uses ports 80 and 443 of nodes."""
    settings = rule_input.settings
    if settings.addons.ingress is None or settings.addons.ingress.pool is None:
        return
    for path, (first, last) in _other_ports(settings).items():
        taken = [str(port) for port in _PORTS if first <= port <= last]
        if taken:
            value = str(first) if first == last else f'"{first}-{last}"'
            yield Problem(
                path, value, f"{_SECTION} uses {' and '.join(taken)} on nodes of its pool; choose other ports"
            )


def _other_ports(settings: Settings) -> Mapping[str, tuple[int, int]]:
    """Return the TCP ports of nodes that settings open, by the path of the setting."""
    ports = {"network.node_ports": settings.network.node_ports}
    for name, entry in settings.network.ports.items():
        if entry.protocol == "tcp" and Role.NODE in entry.roles:
            ports[f"network.ports.{name}.port"] = entry.port
    if settings.metal:
        ports["metal.ssh.port"] = (settings.metal.ssh.port, settings.metal.ssh.port)
    return ports


@rule(needs=(_SECTION, "access.namespaces", "helm_releases"))
def ingress_has_its_own_namespace(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse other owners of the add-on's namespace."""
    settings = rule_input.settings
    if settings.addons.ingress is None:
        return
    for path, _ in namespace_users(settings, NAMESPACE):
        yield Problem(path, "", f"{_SECTION} creates the namespace {NAMESPACE}; choose another name")


@rule(needs=(_SECTION,), needs_valid=(f"{_SECTION}.default_certificate",))
def ingress_certificate_is_given_or_issued(rule_input: RuleInput) -> Iterator[Problem]:
    """Require either a certificate with its key, or an issuer with names."""
    ingress = rule_input.settings.addons.ingress
    section = ingress.default_certificate if ingress else None
    if section is None:
        return
    path = f"{_SECTION}.default_certificate"
    given = [key for key in ("certificate", "private_key") if getattr(section, key) is not None]
    if section.issuer and given:
        yield Problem(f"{path}.issuer", f'"{section.issuer}"', f"{given[0]} is also set; remove one of them")
    elif section.issuer and not section.names:
        yield Problem(f"{path}.names", "", "missing; add the names of your sites")
    elif not section.issuer and section.names:
        yield Problem(f"{path}.names", "", "needs issuer, which signs the certificate; add it")
    elif not section.issuer:
        for key in ("certificate", "private_key"):
            if key not in given:
                yield Problem(
                    f"{path}.{key}", "", "missing; add it, or name an issuer of addons.cert_manager"
                )


@rule(needs=(_SECTION,))
def ingress_certificate_matches_its_key(rule_input: RuleInput) -> Iterator[Problem]:
    """Require that the private key belongs to the first certificate of the default certificate."""
    ingress = rule_input.settings.addons.ingress
    section = ingress.default_certificate if ingress else None
    if section is None or section.certificate is None or section.private_key is None:
        return
    if not is_key_of(section.private_key, section.certificate):
        yield Problem(
            f"{_SECTION}.default_certificate.private_key",
            "",
            "does not belong to the first certificate in certificate; give the key of that certificate",
        )
