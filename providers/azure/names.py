"""What things on Azure are called, how they are tagged, and where they are. Pure.

Names are chosen here and not by Pulumi: machines must know them in their custom data, a machine's name
must be its host name, and ids that are known beforehand are text in a preview.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

CLUSTER_TAG = "kubewright:cluster"
"""On everything that is made here and can have tags."""

# Any constant does. Role assignments and definitions must have GUIDs for names, the same every time.
_GUIDS = uuid.UUID("5f5c3b1e-7d0b-4f0e-9a5e-0c6f1a2b3c4d")
_NO_CONTAINER = re.compile(r"[^a-z0-9-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Names of one cluster's resources. `tags` are the administrator's own; `subscription` is a GUID."""

    cluster: str
    subscription: str
    location: str
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def group(self) -> str:
        """The resource group: the cluster's alone. Lower case, as the cloud controller writes it in ids."""
        return f"kubewright-{self.cluster}"

    @property
    def group_id(self) -> str:
        """The resource group's id."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"

    @property
    def account(self) -> str:
        """The storage account, unique in all of Azure: 24 lower-case letters and digits."""
        digest = hashlib.sha256(f"{self.group_id}/{self.location}".lower().encode()).hexdigest()
        return f"kw{digest[:22]}"

    def tagged(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """All tags of a resource; ours win over the administrator's."""
        return {**self.tags, CLUSTER_TAG: self.cluster, **(more or {})}

    def id(self, kind: str, *names: str) -> str:
        """The id of a resource of the group, e.g. `id("Microsoft.Network/virtualNetworks/subnets", v, s)`."""
        provider, *kinds = kind.split("/")
        path = "/".join(f"{word}/{name}" for word, name in zip(kinds, names, strict=True))
        return f"{self.group_id}/providers/{provider}/{path}"

    def role(self, definition: str) -> str:
        """The id of a role definition, from its GUID."""
        kind = "providers/Microsoft.Authorization/roleDefinitions"
        return f"/subscriptions/{self.subscription}/{kind}/{definition}"

    def guid(self, *words: str) -> str:
        """A GUID that stays the same for these words in this cluster."""
        return str(uuid.uuid5(_GUIDS, "/".join((self.group_id, *words)).lower()))


def container(kind: str, unit: str) -> str:
    """The blob container of a kind of members (`members/control-plane`), or of one pool (`pools`, its name).

    Each has an identity of its own, which reads this container alone.
    """
    name = f"pool-{unit}" if kind == "pools" else kind.rsplit("/", 1)[-1]
    return _NO_CONTAINER.sub("-", name)


def status_container(kind: str, unit: str) -> str:
    """The container in which these machines write how they are: the only one that they can write."""
    return f"{container(kind, unit)}-status"
