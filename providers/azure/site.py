"""Where a cluster lives in Azure: names and ids that are known before anything is made. Pure.

Names are chosen here and not by Pulumi, because machines must know them in their custom data, because a
machine's name must be its host name, and so that a preview shows ids as text.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

# Any constant does: role assignments and role definitions need names that are GUIDs and stay the same.
_NAMES = uuid.UUID("5f5c3b1e-7d0b-4f0e-9a5e-0c6f1a2b3c4d")
_CONTAINER = re.compile(r"[^a-z0-9-]+")


@dataclass(frozen=True, kw_only=True)
class Site:
    """One cluster's place: its subscription (a GUID), region, availability zones, and tags of everything.

    `zones` are Azure's names of zones ("1", "2", …), in the order of `topology`'s zone numbers.
    """

    cluster: str
    subscription: str
    location: str
    zones: tuple[str, ...]
    tags: Mapping[str, str]

    @property
    def group(self) -> str:
        """The resource group, which is the cluster's alone. Lower case, as the cloud controller writes it."""
        return f"kubewright-{self.cluster}"

    @property
    def account(self) -> str:
        """The storage account: unique in all of Azure, 24 lower-case letters and digits."""
        seed = f"{self.subscription}/{self.group}".lower()
        return "kw" + hashlib.sha256(seed.encode()).hexdigest()[:22]

    def id(self, kind: str, *names: str) -> str:
        """The id of a resource in the group, e.g. `id("Microsoft.Network/virtualNetworks/subnets", v, s)`."""
        provider, *kinds = kind.split("/")
        path = "/".join(f"{word}/{name}" for word, name in zip(kinds, names, strict=True))
        return f"{self.group_id}/providers/{provider}/{path}"

    @property
    def group_id(self) -> str:
        """The id of the resource group."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"

    def role(self, definition: str) -> str:
        """The id of a role definition, by its GUID."""
        kind = "providers/Microsoft.Authorization/roleDefinitions"
        return f"/subscriptions/{self.subscription}/{kind}/{definition}"

    def guid(self, *words: str) -> str:
        """A GUID that stays the same for these words in this cluster."""
        return str(uuid.uuid5(_NAMES, "/".join((self.group_id, *words)).lower()))

    def zone(self, number: int) -> str:
        """Azure's name of the zone with that number in the topology."""
        return self.zones[number]

    def container(self, kind: str, unit: str = "") -> str:
        """The blob container of a kind of machine, or of one pool: `control-plane`, `pool-general`."""
        last = kind.rsplit("/", 1)[-1]
        return _CONTAINER.sub("-", f"pool-{unit}" if last == "pools" else last)

    def status_container(self, kind: str, unit: str = "") -> str:
        """The container into which these machines write how they are; the only one they can write."""
        return f"{self.container(kind, unit)}-status"
