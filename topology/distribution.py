"""The add-on that stores images and charts, by distribution, as plain data [H4].

Passwords and credentials are not part of it. They are in Secrets.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network

from topology.snapshot_targets import BlobContainer, S3Bucket

NAMESPACE = "registry"
"""The namespace of the add-on."""
SERVICE = "registry"
"""The name of the service, and of the pods that accept changes."""
CERTIFICATE = "image-registry"
"""The name of the certificate that the CA of the cluster signs."""
REGISTRY_SECRET = "image-registry.secret"
"""The name of the secret from which salts of passwords follow. No host receives it."""
HTTPS_PORT = 443
"""The port of the service unless the name of the registry has another one."""
FIRST_ADDRESS = 20
"""The default address of the service is the twentieth of the service range. Kubernetes gives the first
addresses of this range only to services that ask for them.
"""


class ServiceType(StrEnum):
    """A type of services, as the API spells it."""

    CLUSTER_IP = "ClusterIP"
    NODE_PORT = "NodePort"
    LOAD_BALANCER = "LoadBalancer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A volume of `size`. A `shared` volume can be mounted by several nodes at the same time.

    `storage_class` is empty for the default class.
    """

    size: str
    storage_class: str
    shared: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenService:
    """A service that gives tokens to users of the registry. `certificates` (PEM) verify its tokens."""

    url: str
    service: str
    issuer: str
    certificates: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """The service of the registry. `sources` restrict a load balancer; empty: all clients."""

    type: ServiceType
    sources: tuple[IPv4Network, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """The schedule of garbage collection, in UTC. With `delete_untagged`, images need a tag to remain."""

    schedule: str
    delete_untagged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """The requests of a pod, and its limit of memory, as quantities of Kubernetes."""

    cpu: str
    memory: str
    memory_limit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """The registry.

    `name` is the registry in names of images, with an optional port. `address` is the fixed address of its
    service. `prefix` is the directory in an object store. `users` are the names of users with passwords or
    hashes; empty with a `token_service`. `issuer` signs the certificate; empty: the CA of the cluster.
    """

    name: str
    address: IPv4Address
    store: Volume | S3Bucket | BlobContainer
    prefix: str
    replicas: int
    users: tuple[str, ...]
    token_service: TokenService | None
    issuer: str
    exposure: Exposure
    collection: Collection | None
    resources: Resources

    @property
    def host(self) -> str:
        """The name without its port."""
        return self.name.partition(":")[0]

    @property
    def port(self) -> int:
        """The port of the service."""
        return int(self.name.partition(":")[2] or HTTPS_PORT)

    def dns_names(self, domain: str) -> tuple[str, ...]:
        """Return the names in the certificate of the registry in a cluster with this DNS domain."""
        service = f"{SERVICE}.{NAMESPACE}.svc"
        return (self.host, service, f"{service}.{domain}")

    @property
    def has_one_writer(self) -> bool:
        """Whether only one node can use the store at a time."""
        return isinstance(self.store, Volume) and not self.store.shared
