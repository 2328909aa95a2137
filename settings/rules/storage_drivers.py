"""Rules about the CSI drivers of volumes outside the cluster: their charts and namespaces [H3]."""

from __future__ import annotations

from collections.abc import Iterator

from settings import aws_file_storage, azure_file_storage
from settings.charts import volume_drivers
from settings.cluster import CLOUD_SECTIONS
from settings.problem import Problem
from settings.rules.access import namespace_problems
from settings.rules.base import RuleInput, rule
from settings.rules.charts import chart_problems
from topology.storage_drivers import (
    CEPH_VERSION,
    CEPHFS_NAMESPACE,
    NFS_NAMESPACE,
    NFS_VERSION,
    RBD_NAMESPACE,
)

_VERSIONS = {
    "storage.nfs.driver": NFS_VERSION,
    "storage.ceph.rbd": CEPH_VERSION,
    "storage.ceph.cephfs": CEPH_VERSION,
    "aws.file_storage": aws_file_storage.VERSION,
    "azure.file_storage": azure_file_storage.VERSION,
}
_NAMESPACES = {
    "storage.nfs.driver": NFS_NAMESPACE,
    "storage.ceph.rbd": RBD_NAMESPACE,
    "storage.ceph.cephfs": CEPHFS_NAMESPACE,
}


@rule(needs_valid=("storage.nfs", "storage.ceph", *CLOUD_SECTIONS))
def driver_charts_are_supported(rule_input: RuleInput) -> Iterator[Problem]:
    """Require the minor version of a chart whose values Kubewright knows, and one source of the chart."""
    for path, driver in volume_drivers(rule_input.settings).items():
        known = _VERSIONS[path]
        yield from chart_problems(path, driver, known, known.rpartition(".")[0])


@rule(
    needs=("access.namespaces",),
    needs_valid=("storage.nfs", "storage.ceph", *CLOUD_SECTIONS, "helm_releases"),
)
def namespaces_belong_to_drivers(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse other settings that create or fill the namespace of a driver.

    Drivers of clouds are in `kube-system`, as all add-ons of clouds.
    """
    settings = rule_input.settings
    for driver in _NAMESPACES.keys() & volume_drivers(settings):
        yield from namespace_problems(settings, _NAMESPACES[driver], driver)
