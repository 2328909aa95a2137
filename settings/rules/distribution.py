"""Rules about the add-on that stores images and charts, by distribution [H4]."""

from __future__ import annotations

from collections.abc import Iterator

from formats.quantity import parse_quantity
from settings.cluster import Settings
from settings.distribution import DistributionSettings
from settings.problem import Problem, suggestion
from settings.rules.access import namespace_problems
from settings.rules.base import RuleInput, rule
from settings.rules.cert_manager import challenge_problem
from topology.distribution import NAMESPACE, ServiceType

SECTION = "addons.registry"
_PUBLIC = (
    "docker.io",
    "gcr.io",
    "ghcr.io",
    "mcr.microsoft.com",
    "public.ecr.aws",
    "quay.io",
    "registry.k8s.io",
)
"""Registries with images of other people. Nodes would get none of them if the add-on had such a name."""
_API, _DNS = 1, 10
"""The indexes of the addresses of the API and of the cluster's DNS in the service range."""


def _section(rule_input: RuleInput) -> DistributionSettings | None:
    return rule_input.settings.addons.registry


@rule(needs_valid=(SECTION,))
def registry_has_one_store(rule_input: RuleInput) -> Iterator[Problem]:
    """Require one of the kinds of storage, and what a kind needs."""
    section = _section(rule_input)
    if section is None:
        return
    storage, path = section.storage, f"{SECTION}.storage"
    if not storage.kinds:
        yield Problem(path, "", "needs one of volume, s3 and azure_blob; add it")
    elif len(storage.kinds) > 1:
        yield Problem(path, "", f"{' and '.join(storage.kinds)} are set; keep one of them")
    elif storage.s3 and not storage.s3.endpoint and not storage.s3.region:
        yield Problem(
            f"{path}.s3",
            "",
            "has neither the region of a bucket of AWS nor the endpoint of another service; add one",
        )
    elif storage.volume and storage.prefix:
        yield Problem(f"{path}.prefix", f'"{storage.prefix}"', "has no effect on a volume; remove it")


@rule(needs_valid=(SECTION,))
def registry_pods_can_share_the_store(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse several pods for a volume that only one node can mount."""
    section = _section(rule_input)
    volume = section.storage.volume if section else None
    if section and section.replicas > 1 and volume and not volume.shared:
        yield Problem(
            f"{SECTION}.replicas",
            str(section.replicas),
            "only one node can mount the volume; set storage.volume.shared to true for a storage class with "
            "ReadWriteMany, use an object store, or 1",
        )


@rule(needs_valid=(SECTION,))
def registry_has_one_login(rule_input: RuleInput) -> Iterator[Problem]:
    """Require either users or a token service. A registry without a login would serve all clients."""
    section = _section(rule_input)
    if section is None:
        return
    if not section.users and section.token is None:
        yield Problem(
            SECTION, "", "needs users or token, because all clients could push images; add one of them"
        )
    elif section.users and section.token is not None:
        yield Problem(f"{SECTION}.token", "", "users are also set; remove one of them")
    for name, user in section.users.items():
        path = f"{SECTION}.users.{name}"
        if user.password is None and user.password_hash is None:
            yield Problem(path, "", "has neither password nor password_hash; add one of them")
        elif user.password is not None and user.password_hash is not None:
            yield Problem(f"{path}.password_hash", "", "password is also set; remove one of them")


@rule(needs_valid=(SECTION,))
def nodes_have_a_password(rule_input: RuleInput) -> Iterator[Problem]:
    """Require the password of the user by whom nodes pull images."""
    section = _section(rule_input)
    if section is None or section.node_user is None:
        return
    path, value = f"{SECTION}.node_user", f'"{section.node_user}"'
    user = section.users.get(section.node_user)
    if section.token is not None:
        yield Problem(
            path, value, "nodes send no password to a token service; remove it, and add pull_secrets for pods"
        )
    elif user is None:
        hint = suggestion(section.node_user, section.users, "add it to users")
        yield Problem(path, value, f"no such user; {hint}")
    elif user.password is None and user.password_hash is not None:
        yield Problem(path, value, "has only a hash, and nodes need the password; give its password instead")


@rule(needs=("network.services",), needs_valid=(SECTION,))
def address_of_the_registry_is_free(rule_input: RuleInput) -> Iterator[Problem]:
    """Require an address of the service range that no other service has."""
    section, services = _section(rule_input), rule_input.settings.network.services
    if section is None or section.service.address is None:
        return
    path, address = f"{SECTION}.service.address", section.service.address
    if address not in services or address in (services[0], services[-1]):
        yield Problem(
            path, f'"{address}"', f"is no address of a service; give one of network.services, {services}"
        )
    elif address in (services[_API], services[_DNS]):
        yield Problem(
            path, f'"{address}"', "belongs to the API or to the DNS of the cluster; give another address"
        )


@rule(needs=("network.node_ports", "addons.load_balancer"), needs_valid=(SECTION,))
def registry_is_reached_by_its_name(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a name whose port is that of the service, and software that serves its type."""
    settings, section = rule_input.settings, _section(rule_input)
    if section is None:
        return
    kind, path = section.service.type, f"{SECTION}.service.type"
    first, last = settings.network.node_ports
    port = section.name.partition(":")[2]
    if kind is ServiceType.NODE_PORT and not (port and first <= int(port) <= last):
        yield Problem(
            f"{SECTION}.name",
            f'"{section.name}"',
            f"needs the port of nodes at which users reach it; add one of {first} to {last}, such as "
            f"{section.name.partition(':')[0]}:{first + 500}",
        )
    served = settings.cloud is not None or settings.addons.load_balancer is not None
    if kind is ServiceType.LOAD_BALANCER and not served:
        yield Problem(
            path,
            '"LoadBalancer"',
            "nothing in this cluster serves this type; add addons.load_balancer, or use NodePort",
        )
    if kind is ServiceType.LOAD_BALANCER and not section.service.sources:
        yield Problem(
            f"{SECTION}.service.sources",
            "",
            "missing; name the networks of clients of the load balancer, such as 10.0.0.0/8 or 0.0.0.0/0",
        )
    if kind is not ServiceType.LOAD_BALANCER:
        for key in ("sources", "annotations"):
            if getattr(section.service, key):
                yield Problem(
                    f"{SECTION}.service.{key}", "", "has no effect without type: LoadBalancer; remove it"
                )


@rule(needs_valid=(SECTION,), needs=("registries",))
def name_of_the_registry_has_one_owner(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse the names of public registries, and a mirror in place of the add-on."""
    settings, section = rule_input.settings, _section(rule_input)
    if section is None:
        return
    if section.name.partition(":")[0] in _PUBLIC:
        yield Problem(
            f"{SECTION}.name",
            f'"{section.name}"',
            "is a public registry, whose images nodes would no longer get; use a name of your own domain",
        )
    if section.name in settings.registries:
        yield Problem(
            f"registries.{section.name}",
            "",
            f"{SECTION} has this name, and nodes get its settings; remove it here",
        )


@rule(needs_valid=(SECTION, "addons.cert_manager"))
def issuer_of_the_registry_is_trusted(rule_input: RuleInput) -> Iterator[Problem]:
    """Require an issuer that can sign the name, and whose certificates nodes can verify."""
    settings, section = rule_input.settings, _section(rule_input)
    if section is None or section.issuer is None:
        return
    path, value = f"{SECTION}.issuer", f'"{section.issuer}"'
    issuers = settings.addons.cert_manager.issuers if settings.addons.cert_manager else {}
    issuer = issuers.get(section.issuer)
    if issuer is None:
        hint = suggestion(section.issuer, issuers, "add it to addons.cert_manager.issuers")
        yield Problem(path, value, f"no such issuer; {hint}")
    elif issuer.generated_ca:
        yield Problem(
            path,
            value,
            "its CA is created after nodes got the certificates that they trust; remove issuer, so that "
            "the CA of the cluster signs, or use one with ca or acme",
        )
    elif issuer.acme and (problem := challenge_problem(section.name.partition(":")[0], issuer.acme)):
        yield Problem(f"{SECTION}.name", f'"{section.name}"', problem)


@rule(needs_valid=(SECTION,))
def memory_of_the_registry_is_within_its_limit(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse a limit of memory below the request, which the API server rejects."""
    section = _section(rule_input)
    resources = section.resources if section else None
    if resources and parse_quantity(resources.memory_limit) < parse_quantity(resources.memory):
        yield Problem(
            f"{SECTION}.resources.memory_limit",
            f'"{resources.memory_limit}"',
            f"is less than memory, {resources.memory}; give at least that",
        )


@rule(needs=(SECTION, "access.namespaces"), needs_valid=("helm_releases",))
def namespace_belongs_to_the_registry(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse other settings that create or fill the namespace of the registry."""
    settings: Settings = rule_input.settings
    if settings.addons.registry is None:
        return
    yield from namespace_problems(settings, NAMESPACE, SECTION)
