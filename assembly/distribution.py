"""Conversion of the settings of the registry to plain data, and its credentials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import SecretStr

from assembly.object_stores import build_bucket, build_container
from settings.cluster import Settings
from settings.distribution import DistributionSettings, RegistryStorageSettings
from topology.distribution import (
    FIRST_ADDRESS,
    HTTPS_PORT,
    Collection,
    Distribution,
    Exposure,
    Resources,
    TokenService,
    Volume,
)
from topology.model import Registry
from topology.snapshot_targets import BlobContainer, S3Bucket

_SECTION = ("addons", "registry")


def registry_secret_name(registry: str) -> str:
    """Return the name of the secret with the credentials of a registry."""
    return f"registry-{registry}"


def build_distribution(settings: Settings, files: Mapping[str, str] | None) -> Distribution | None:
    """Return the add-on that valid settings describe; None for a cluster without it. `files` maps paths in
    the settings to texts; without it the store has no certificate authority.
    """
    section = settings.addons.registry
    if section is None:
        return None
    service, collection, resources = section.service, section.garbage_collection, section.resources
    return Distribution(
        name=section.name,
        address=service.address or settings.network.services[FIRST_ADDRESS],
        store=_store(section.storage, files),
        prefix=section.storage.prefix or f"registry/{settings.name}",
        replicas=section.replicas,
        users=tuple(section.users),
        token_service=_token_service(section),
        issuer=section.issuer or "",
        exposure=Exposure(
            type=service.type, sources=service.sources, annotations=tuple(service.annotations.items())
        ),
        collection=Collection(schedule=collection.schedule, delete_untagged=collection.delete_untagged)
        if collection
        else None,
        resources=Resources(cpu=resources.cpu, memory=resources.memory, memory_limit=resources.memory_limit),
    )


def _store(
    section: RegistryStorageSettings, files: Mapping[str, str] | None
) -> Volume | S3Bucket | BlobContainer:
    if section.volume:
        volume = section.volume
        return Volume(size=volume.size, storage_class=volume.storage_class or "", shared=volume.shared)
    if section.s3:
        return build_bucket(section.s3, files)
    if section.azure_blob:
        return build_container(section.azure_blob, section.azure_blob.ca_file, files)
    raise ValueError("the registry has no storage; only settings that load() returned are complete")


def _token_service(section: DistributionSettings) -> TokenService | None:
    token = section.token
    if token is None:
        return None
    return TokenService(
        url=token.url, service=token.service, issuer=token.issuer, certificates=token.certificate
    )


def node_registries(settings: Settings) -> Iterator[Registry]:
    """Yield what nodes know about the registry: none for a cluster without it.

    Nodes connect to the fixed address of the service, so that they need no name from any DNS. A certificate
    of an ACME issuer has no addresses, so that nodes connect to its name.
    """
    section = settings.addons.registry
    if section is None:
        return
    host, _, port = section.name.partition(":")
    issuers = settings.addons.cert_manager.issuers if settings.addons.cert_manager else {}
    issuer = issuers[section.issuer] if section.issuer else None
    if issuer is None or issuer.ca:
        host = str(section.service.address or settings.network.services[FIRST_ADDRESS])
    yield Registry(
        name=section.name,
        endpoint=f"https://{host}:{port or HTTPS_PORT}",
        ca=issuer.ca.certificate if issuer and issuer.ca else "",
        credentials=registry_secret_name(section.name) if section.node_user else "",
        cluster_ca=issuer is None,
    )


def node_login(settings: Settings) -> dict[str, tuple[str, str]]:
    """Return the user and password by which nodes pull images, by the name of their secret; empty without
    them. The result is secret.
    """
    section = settings.addons.registry
    user = section.users.get(section.node_user) if section and section.node_user else None
    if section is None or user is None or user.password is None or section.node_user is None:
        return {}
    return {registry_secret_name(section.name): (section.node_user, user.password.get_secret_value())}


def registry_users(settings: Settings) -> dict[str, tuple[tuple[str, ...], SecretStr, bool]]:
    """Return the path in the settings and the secret of each user, and whether the secret is a hash."""
    section = settings.addons.registry
    users: dict[str, tuple[tuple[str, ...], SecretStr, bool]] = {}
    for name, user in section.users.items() if section else ():
        path = (*_SECTION, "users", name)
        if user.password is not None:
            users[name] = ((*path, "password"), user.password, False)
        elif user.password_hash is not None:
            users[name] = ((*path, "password_hash"), user.password_hash, True)
    return users


def registry_store_secret(settings: Settings) -> tuple[tuple[str, ...], SecretStr] | None:
    """Return the path in the settings and the secret of the object store; None for a volume."""
    storage = settings.addons.registry.storage if settings.addons.registry else None
    path = (*_SECTION, "storage")
    if storage and storage.s3:
        return (*path, "s3", "secret_access_key"), storage.s3.secret_access_key
    if storage and storage.azure_blob:
        return (*path, "azure_blob", "account_key"), storage.azure_blob.account_key
    return None
