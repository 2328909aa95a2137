"""Names and tags of resources on AWS, and values that depend on the region. Imports no SDK."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from providers.cloud.machine_config import POOLS, kind_of
from settings.aws import partition_and_domain
from topology.model import Topology

CLUSTER_TAG = "kubewright:cluster"
"""The tag of every created resource, on which permissions depend."""
KIND_TAG = "kubewright:kind"
"""The tag of machines and their volumes. Machines may attach volumes with the same kind."""


def store_prefix(kind: str, name: str) -> str:
    """Return the prefix in the store for an identity: one for each kind of members, one for each pool."""
    return f"{POOLS}/{name}" if kind == POOLS else kind


def store_prefixes(topology: Topology) -> list[str]:
    """Return the prefixes in the store of all identities of the cluster."""
    kinds = sorted({kind_of(machine) for machine in topology.machines})
    return [*kinds, *(store_prefix(POOLS, pool.name) for pool in topology.pools if pool.capacity)]


def identity_name(prefix: str) -> str:
    """Return the identity's name for a prefix in the store: `control-plane`, `etcd` or `pool-<name>`."""
    kind, _, name = prefix.rpartition("/")
    return f"pool-{name}" if kind == POOLS else name


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Names of the resources of one cluster.

    `tags` are the tags of the settings. `boundary` is the ARN of the permissions boundary of all roles, or
    empty.
    """

    cluster: str
    region: str
    tags: Mapping[str, str] = field(default_factory=dict)
    boundary: str = ""

    def name(self, suffix: str) -> str:
        """Return `<cluster>-<suffix>`, which is unique in the account's region if the cluster's name is."""
        return f"{self.cluster}-{suffix}"

    def role_name(self, suffix: str) -> str:
        """Return the name of an IAM role.

        It contains the region, because roles belong to the whole account.
        """
        return f"{self.name(suffix)}-{self.region}"

    def resource_tags(self, suffix: str, extra_tags: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return all tags of the resource `<cluster>-<suffix>`.

        Kubewright's tags override those of the settings.
        """
        return {**self.tags, "Name": self.name(suffix), CLUSTER_TAG: self.cluster, **(extra_tags or {})}

    def file_system_arn(self, account: str, file_system: str) -> str:
        """Return the ARN of a file system of EFS."""
        return f"arn:{self.partition}:elasticfilesystem:{self.region}:{account}:file-system/{file_system}"

    @property
    def kubernetes_tag(self) -> str:
        """The tag key by which the cloud controller and the CSI driver find resources of the cluster.

        Only one security group of an instance may have it: the cloud controller fails with two.
        """
        return f"kubernetes.io/cluster/{self.cluster}"

    @property
    def partition(self) -> str:
        """The AWS partition of the region, the second field of ARNs."""
        return partition_and_domain(self.region)[0]

    @property
    def domain(self) -> str:
        """The DNS domain of AWS services in the region."""
        return partition_and_domain(self.region)[1]

    def bucket(self, account: str) -> str:
        """Return the store's bucket name.

        It contains the account, because AWS requires globally unique names.
        """
        return f"kubewright-{self.cluster}-{account}-{self.region}"

    def copies_bucket(self, account: str, region: str) -> str:
        """Return the name of the bucket for copies of snapshots in another region.

        The digest of the cluster's region separates clusters with the same name in several regions. S3 allows
        63 characters.
        """
        digest = hashlib.sha256(self.region.encode()).hexdigest()[:4]
        return f"kw-{self.cluster}-{account}-{region}-{digest}"
