"""What things on AWS are called, how they are tagged, and where they are. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from providers.cloud.machine_config import POOLS, kind_of
from topology.model import Topology

CLUSTER_TAG = "kubewright:cluster"
"""On everything that is made here; rights are bound to it."""
KIND_TAG = "kubewright:kind"
"""On machines and their volumes: whose identity may attach them."""

_PARTITIONS = {"cn-": ("aws-cn", "amazonaws.com.cn"), "us-gov-": ("aws-us-gov", "amazonaws.com")}


def prefix(kind: str, unit: str) -> str:
    """The prefix in the store that a unit's identity has: its kind's, for nodes of a pool their pool's."""
    return f"{POOLS}/{unit}" if kind == POOLS else kind


def prefixes(topology: Topology) -> list[str]:
    """What each identity of the cluster has in the store."""
    kinds = sorted({kind_of(machine) for machine in topology.machines})
    return [*kinds, *(prefix(POOLS, pool.name) for pool in topology.pools if pool.capacity)]


def identity_part(prefix: str) -> str:
    """How the identity of that prefix is called: `control-plane`, `etcd` or `pool-<name>`."""
    kind, _, name = prefix.rpartition("/")
    return f"pool-{name}" if kind == POOLS else name


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Names of one cluster's resources. `tags` are the administrator's own."""

    cluster: str
    region: str
    tags: Mapping[str, str] = field(default_factory=dict)

    def name(self, part: str) -> str:
        """A name that is unique in the account's region, as long as the cluster's is."""
        return f"{self.cluster}-{part}"

    def identity(self, part: str) -> str:
        """The name of a role. Roles are the account's, not the region's."""
        return f"{self.name(part)}-{self.region}"

    def tagged(self, part: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """All tags of a resource; ours win over the administrator's."""
        return {**self.tags, "Name": self.name(part), CLUSTER_TAG: self.cluster, **(more or {})}

    @property
    def kubernetes_tag(self) -> str:
        """The key by which the cloud controller and the CSI driver find what is the cluster's.

        Never on two security groups of one instance: the cloud controller refuses to choose.
        """
        return f"kubernetes.io/cluster/{self.cluster}"

    @property
    def partition(self) -> str:
        """The partition in ARNs."""
        return self._place[0]

    @property
    def domain(self) -> str:
        """What the names of AWS's endpoints end with."""
        return self._place[1]

    @property
    def _place(self) -> tuple[str, str]:
        found = (place for prefix, place in _PARTITIONS.items() if self.region.startswith(prefix))
        return next(found, ("aws", "amazonaws.com"))

    def bucket(self, account: str) -> str:
        """The store's name. Buckets of all accounts share their names, so it carries the account."""
        return f"kubewright-{self.cluster}-{account}-{self.region}"
