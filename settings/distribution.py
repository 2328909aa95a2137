"""Settings of the add-on that stores images and charts, by distribution [H4]."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, WithJsonSchema

from settings.base import Section
from settings.cron import validate_cron
from settings.pem import CertificateText
from settings.secret_values import is_placeholder
from settings.snapshot_targets import (
    BlobContainerName,
    S3TargetSettings,
    StorageAccount,
    StorageAccountKey,
    StorePrefix,
)
from settings.types import (
    Address,
    FilePath,
    HttpsUrl,
    LabelKey,
    Name,
    Network,
    NonEmpty,
    Quantity,
    Subdomain,
    validate_subdomain,
)
from topology.distribution import ServiceType

_USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_HASH = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}")
_MIN_PASSWORD = 12
_MAX_PASSWORD = 72
"""bcrypt ignores what follows the first 72 bytes."""
_MIN_COST = 10


def validate_registry_name(text: str) -> str:
    """Return the name of a registry in names of images, `HOST[:PORT]`. Raise ValueError for other text."""
    host, colon, port = text.partition(":")
    is_port = port.isascii() and port.isdecimal() and 1 <= int(port) <= 65535
    if "." not in host or (colon and not is_port):
        raise ValueError(
            "not a registry; allowed: a DNS name with a dot and an optional port, such as "
            "registry.corp.example or registry.corp.example:30500"
        )
    validate_subdomain(host)
    return text


def _validate_user(text: str) -> str:
    if not _USER.fullmatch(text):
        raise ValueError("not a user; allowed: at most 64 letters, digits and ._@-, the first not of ._@-")
    return text


def validate_password(secret: SecretStr) -> SecretStr:
    """Return a password that bcrypt can hash. Raise ValueError for others."""
    text = secret.get_secret_value()
    length = len(text.encode())
    if is_placeholder(secret):
        return secret
    if length < _MIN_PASSWORD or re.search(r"\s", text):
        raise ValueError(
            f"has fewer than {_MIN_PASSWORD} characters, or spaces; create one, such as with "
            "openssl rand -hex 16"
        )
    if length > _MAX_PASSWORD:
        raise ValueError(f"has more than {_MAX_PASSWORD} bytes, which bcrypt would ignore; shorten it")
    return secret


def _validate_hash(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if is_placeholder(secret):
        return secret
    match = _HASH.fullmatch(text)
    if not match:
        raise ValueError(
            "not a bcrypt hash; give what htpasswd -nB -C 10 USER prints after the colon, such as $2y$10$…"
        )
    if int(match[1]) < _MIN_COST:
        raise ValueError(
            f"has the cost {int(match[1])}, and can be searched; create it with at least {_MIN_COST}, as "
            "htpasswd -nB -C 10 USER does"
        )
    return secret


Cron = Annotated[str, AfterValidator(validate_cron), WithJsonSchema({"type": "string", "minLength": 6})]
RegistryName = Annotated[NonEmpty, AfterValidator(validate_registry_name)]
"""The name of a registry in names of images, with an optional port."""
RegistryUser = Annotated[NonEmpty, AfterValidator(_validate_user)]
"""The name of a user of a registry."""


class RegistryVolumeSettings(Section):
    """A volume for images."""

    size: Quantity
    """Size of the volume, such as `100Gi`. Some storage classes allow a larger size later."""
    storage_class: Subdomain | None = None
    """StorageClass of the volume; default: the default class of the cluster. It cannot be changed."""
    shared: bool = False
    """Several nodes can mount the volume at the same time (ReadWriteMany), as with NFS and CephFS."""


class RegistryBlobSettings(Section):
    """A container of Azure Blob Storage for images."""

    account: StorageAccount
    """Name of the storage account."""
    container: BlobContainerName
    """Name of the container, which exists."""
    endpoint: HttpsUrl | None = None
    """URL of the blob service; default: `https://ACCOUNT.blob.core.windows.net`."""
    ca_file: FilePath | None = None
    """PEM file of the certificate authority of the service; default: public authorities."""
    account_key: StorageAccountKey
    """Key of the storage account, as an encrypted value (`secure: …`)."""


class RegistryStorageSettings(Section):
    """The place of images. It is one of `volume`, `s3` and `azure_blob`."""

    volume: RegistryVolumeSettings | None = None
    """A volume of the cluster."""
    s3: S3TargetSettings | None = None
    """A bucket of AWS S3, or of another service with the API of S3."""
    azure_blob: RegistryBlobSettings | None = None
    """A container of Azure Blob Storage."""
    prefix: StorePrefix | None = None
    """Directory in the bucket or container; default: `registry/` and the name of the cluster."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that are set; one in valid settings."""
        return tuple(kind for kind in ("volume", "s3", "azure_blob") if getattr(self, kind) is not None)


class RegistryUserSettings(Section):
    """A user of the registry, who can pull, push and delete all images. Each has one of these keys."""

    password: Annotated[SecretStr, AfterValidator(validate_password)] | None = None
    """Password of the user, as an encrypted value (`secure: …`). The registry gets a bcrypt hash of it."""
    password_hash: Annotated[SecretStr, AfterValidator(_validate_hash)] | None = None
    """bcrypt hash of the password, as an encrypted value (`secure: …`)."""


class RegistryTokenSettings(Section):
    """A token service, which decides who can pull, push and delete which images."""

    url: HttpsUrl
    """URL at which clients get tokens, such as `https://auth.corp.example/token`."""
    service: NonEmpty
    """Name of the registry in requests for tokens, which is the audience of tokens."""
    issuer: NonEmpty
    """Issuer of tokens."""
    certificate: CertificateText
    """Text of a PEM file with the certificates that verify tokens."""


class RegistryServiceSettings(Section):
    """The service of the registry. Nodes and pods use its fixed address; others what its type adds."""

    address: Address | None = None
    """Fixed address in `network.services`; default: the twentieth address of this range."""
    type: ServiceType = ServiceType.CLUSTER_IP
    """`ClusterIP`: only nodes and pods; `NodePort`: a port of all nodes, which `name` has; `LoadBalancer`."""
    sources: tuple[Network, ...] = ()
    """Networks of clients of the load balancer, such as `10.0.0.0/8`; required with `LoadBalancer`."""
    annotations: dict[LabelKey, str] = Field(default_factory=dict)
    """Annotations of the service with `LoadBalancer`, which the controller of the cloud reads."""


class RegistryCollectionSettings(Section):
    """Garbage collection, which removes the layers of deleted images from the storage. The registry is
    read-only meanwhile.
    """

    schedule: Cron = "0 3 * * 0"
    """Times in UTC: minute, hour, day of month, month and day of week, such as `0 3 * * 0`, or `@weekly`."""
    delete_untagged: bool = False
    """Delete images without a tag too, also those that something refers to by digest."""


class RegistryResourcesSettings(Section):
    """Resources of each pod of the registry."""

    cpu: Quantity = "50m"
    """Requested processor time."""
    memory: Quantity = "128Mi"
    """Requested memory."""
    memory_limit: Quantity = "1Gi"
    """Limit of memory."""


class DistributionSettings(Section):
    """A registry for images and charts, by distribution. It runs in the namespace `registry`, and all nodes
    trust it.
    """

    name: RegistryName
    """Name of the registry in names of images: a DNS name with an optional port."""
    storage: RegistryStorageSettings
    """The place of images."""
    users: dict[RegistryUser, RegistryUserSettings] = Field(default_factory=dict)
    """Users by name. Either `users` or `token` is required."""
    token: RegistryTokenSettings | None = None
    """A token service in place of `users`."""
    node_user: RegistryUser | None = None
    """User with whose password all nodes pull images for all pods; default: pods need `pull_secrets`."""
    issuer: Name | None = None
    """Issuer of `addons.cert_manager` that signs the certificate; default: the CA of the cluster."""
    replicas: int = Field(default=1, ge=1, le=20)
    """Number of pods. Several need a shared volume or an object store."""
    service: RegistryServiceSettings = RegistryServiceSettings()
    """The service of the registry."""
    garbage_collection: RegistryCollectionSettings | None = None
    """Garbage collection; default: never."""
    resources: RegistryResourcesSettings = RegistryResourcesSettings()
    """Resources of each pod."""
