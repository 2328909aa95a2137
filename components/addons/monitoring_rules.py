"""The rules of Prometheus about the cluster, from the files `monitoring_*rules.yaml` [H4]."""

from __future__ import annotations

from pathlib import Path

from topology.monitoring import Monitoring

_DIRECTORY = Path(__file__).parent
_CLUSTER = "monitoring_rules.yaml"
_WORKLOADS = "monitoring_workload_rules.yaml"


def rule_files(data: Monitoring) -> dict[str, str]:
    """Return the texts of rule files by their names."""
    cluster = (_DIRECTORY / _CLUSTER).read_text()
    cluster = cluster.replace("<snapshot_seconds>", str(data.snapshot_seconds))
    cluster = cluster.replace("<trial_restore_seconds>", str(data.trial_restore_seconds))
    files = {"kubewright.yaml": cluster}
    if data.state_metrics:
        files["workloads.yaml"] = (_DIRECTORY / _WORKLOADS).read_text()
    return files
