"""Names, tags and ids of resources on Azure. Imports no SDK.

The program sets all names and does not let Pulumi generate them: custom data of machines contains names, the
name of a machine must be its host name, and ids that are known in advance are readable in a preview.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from providers.azure.environments import ENVIRONMENTS, AzureEnvironment
from providers.cloud.machine_config import config_names
from topology.model import Topology

JOINS_CONTAINER = "joins"
"""The blob container to which machines of pools add their bootstrap tokens. Identities have other names."""

COPIES_CONTAINER = "snapshots"
"""The blob container for copies of snapshots, in a storage account of another location."""

CLUSTER_TAG = "kubewright:cluster"
"""The tag of every created resource that can have tags."""

# Any constant UUID. Role assignments and definitions have GUIDs as names, which must stay the same.
_GUID_NAMESPACE = uuid.UUID("5f5c3b1e-7d0b-4f0e-9a5e-0c6f1a2b3c4d")
_NOT_IN_DNS_TAGS = re.compile(r"[^A-Za-z0-9_.-]+")
_NOT_IN_CONTAINER_NAMES = re.compile(r"[^a-z0-9-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Names of the resources of one cluster.

    `subscription` is a GUID. `tags` and `cloud` come from the settings.
    """

    cluster: str
    subscription: str
    location: str
    tags: Mapping[str, str] = field(default_factory=dict)
    cloud: str = "public"

    @property
    def environment(self) -> AzureEnvironment:
        """The cloud of Azure that has the subscription."""
        return ENVIRONMENTS[self.cloud]

    @property
    def resource_group(self) -> str:
        """The name of the resource group, in lower case as the cloud controller writes it in ids."""
        return f"kubewright-{self.cluster}"

    @property
    def resource_group_id(self) -> str:
        """The id of the cluster's resource group."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"

    @property
    def backup_group(self) -> str:
        """The name of the resource group of the Backup vault, which can outlive the cluster."""
        return f"{self.resource_group}-backup"

    @property
    def storage_account(self) -> str:
        """The name of the storage account, unique in all of Azure: 24 lower-case letters and digits."""
        digest = hashlib.sha256(f"{self.resource_group_id}/{self.location}".lower().encode()).hexdigest()
        return f"kw{digest[:22]}"

    @property
    def files_account(self) -> str:
        """The name of the storage account with the volumes of pods, unique in all of Azure."""
        place = f"{self.resource_group_id}/{self.location}/files".lower()
        return f"kwfiles{hashlib.sha256(place.encode()).hexdigest()[:17]}"

    @property
    def copies_group(self) -> str:
        """The name of the resource group of the copies of snapshots, in another location."""
        return f"{self.resource_group}-snapshots"

    @property
    def copies_group_id(self) -> str:
        """The id of the resource group of the copies of snapshots."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.copies_group}"

    def copies_account(self, location: str) -> str:
        """Return the name of the storage account for copies of snapshots in another location."""
        place = f"{self.copies_group_id}/{self.location}/{location}".lower()
        return f"kwsnap{hashlib.sha256(place.encode()).hexdigest()[:18]}"

    def identity(self, name: str) -> str:
        """Return the name of the managed identity of a kind of members or of a pool (`container_name`)."""
        return f"{self.cluster}-{name}"

    def resource_tags(self, extra_tags: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return all tags of a resource. Tags of Kubewright override tags of the settings."""
        return {**self.tags, CLUSTER_TAG: self.cluster, **(extra_tags or {})}

    def dns_tags(self) -> dict[str, str]:
        """Return the tags of a private DNS zone, whose names have only letters, digits and `-_.`.

        Azure accepts other names and drops these tags (learn.microsoft.com/azure/azure-resource-manager/
        management/tag-resources).
        """
        return {_dns_tag(name): value for name, value in self.resource_tags().items()}

    @property
    def program_arguments(self) -> list[str]:
        """The arguments of the programs `wait` and `objects` that select the cloud of Azure; none for the
        public cloud.
        """
        return [] if self.cloud == "public" else ["--cloud", self.cloud]

    def id(self, kind: str, *names: str) -> str:
        """Return the id of a resource, from its type and the names in its path.

        Example: `id("Microsoft.Network/virtualNetworks/subnets", network, subnet)`.
        """
        provider, *kinds = kind.split("/")
        path = "/".join(f"{word}/{name}" for word, name in zip(kinds, names, strict=True))
        return f"{self.resource_group_id}/providers/{provider}/{path}"

    def role_definition_id(self, definition: str, subscription: str = "") -> str:
        """Return the id of a role definition from its GUID, by default in the cluster's subscription."""
        kind = "providers/Microsoft.Authorization/roleDefinitions"
        return f"/subscriptions/{subscription or self.subscription}/{kind}/{definition}"

    def guid(self, *words: str) -> str:
        """Return a GUID for the name of a role assignment or definition. Equal words give the same GUID."""
        return str(uuid.uuid5(_GUID_NAMESPACE, "/".join((self.resource_group_id, *words)).lower()))


def _dns_tag(name: str) -> str:
    text = _NOT_IN_DNS_TAGS.sub("-", name)
    return f"x-{text}" if text[:1].isdigit() else text


def container_name(kind: str, name: str) -> str:
    """Return the name of an identity's blob container: one for each kind of members, one for each pool.

    The identity has the same name and reads only this container.
    """
    part = f"pool-{name}" if kind == "pools" else kind.rsplit("/", 1)[-1]
    return _NOT_IN_CONTAINER_NAMES.sub("-", part)


def scale_set_name(pool: str, zone: int) -> str:
    """Return the name of the scale set of a pool in a zone, which is the prefix of its node names."""
    return f"{pool}-{zone + 1}"


def status_container_name(kind: str, name: str) -> str:
    """Return the name of the blob container for statuses, the only container that these machines write."""
    return f"{container_name(kind, name)}-status"


def identity_containers(topology: Topology) -> dict[str, tuple[str, str]]:
    """Return the containers that each identity reads and writes: `(read, write)` by name of the identity."""
    return {
        container_name(kind, name): (container_name(kind, name), status_container_name(kind, name))
        for kind, name in config_names(topology)
    }
