"""Names, tags and regions of resources on AWS. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from providers.cloud.machine_config import POOLS, kind_of
from topology.model import Topology

CLUSTER_TAG = "kubewright:cluster"
"""The tag of every created resource, on which permissions depend."""
KIND_TAG = "kubewright:kind"
"""The tag of machines and their volumes. Machines may attach volumes with the same kind."""

_PARTITIONS = {"cn-": ("aws-cn", "amazonaws.com.cn"), "us-gov-": ("aws-us-gov", "amazonaws.com")}


def store_prefix(kind: str, name: str) -> str:
    """Return the prefix in the store for an identity: one per kind of members, one per pool."""
    return f"{POOLS}/{name}" if kind == POOLS else kind


def store_prefixes(topology: Topology) -> list[str]:
    """Return the prefixes in the store of all identities of the cluster."""
    kinds = sorted({kind_of(machine) for machine in topology.machines})
    return [*kinds, *(store_prefix(POOLS, pool.name) for pool in topology.pools if pool.capacity)]


def identity_name(prefix: str) -> str:
    """Return the short name of the identity with a prefix: `control-plane`, `etcd` or `pool-<name>`."""
    kind, _, name = prefix.rpartition("/")
    return f"pool-{name}" if kind == POOLS else name


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Names of the resources of one cluster. `tags` are the tags of the settings."""

    cluster: str
    region: str
    tags: Mapping[str, str] = field(default_factory=dict)

    def name(self, part: str) -> str:
        """Return a name that is unique in the region of the account if the cluster's name is."""
        return f"{self.cluster}-{part}"

    def identity(self, part: str) -> str:
        """Return the name of a role. It contains the region, because roles belong to the whole account."""
        return f"{self.name(part)}-{self.region}"

    def tagged(self, part: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return all tags of a resource. Tags of Kubewright override tags of the settings."""
        return {**self.tags, "Name": self.name(part), CLUSTER_TAG: self.cluster, **(more or {})}

    @property
    def kubernetes_tag(self) -> str:
        """The tag key by which the cloud controller and the CSI driver find resources of the cluster.

        Only one security group of an instance may have it: the cloud controller fails with two.
        """
        return f"kubernetes.io/cluster/{self.cluster}"

    @property
    def partition(self) -> str:
        """The partition in ARNs."""
        return self._partition_and_domain[0]

    @property
    def domain(self) -> str:
        """The domain of the service endpoints."""
        return self._partition_and_domain[1]

    @property
    def _partition_and_domain(self) -> tuple[str, str]:
        matches = (value for prefix, value in _PARTITIONS.items() if self.region.startswith(prefix))
        return next(matches, ("aws", "amazonaws.com"))

    def bucket(self, account: str) -> str:
        """Return the name of the store. It contains the account: bucket names are unique across accounts."""
        return f"kubewright-{self.cluster}-{account}-{self.region}"
