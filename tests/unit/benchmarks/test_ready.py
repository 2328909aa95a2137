"""Tests of the benchmark of Kubewright against kubeadm: both create the same cluster, and the report has
both.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from artifacts import catalogue
from benchmarks.ready import kubeadm_config, layout, mirror, report
from benchmarks.ready.rounds import ReadinessTimes
from benchmarks.timeline import Span
from settings import load


def documents_by_kind(text: str) -> dict[str, Any]:
    """Return kubeadm's configuration documents by kind."""
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


def test_both_programs_get_the_same_hosts_endpoint_and_ranges(tmp_path: Path) -> None:
    stack = yaml.safe_load(layout.write_stack_file(tmp_path / "stack.yaml").read_text())
    settings = load(stack["config"]["kubewright:cluster"])
    cluster = documents_by_kind(kubeadm_config.init_config("cp-1", "abcdef.0123456789abcdef", "0" * 64))[
        "ClusterConfiguration"
    ]
    assert settings.endpoint is not None
    assert cluster["controlPlaneEndpoint"] == f"{settings.endpoint.host}:{settings.endpoint.port}"
    assert cluster["networking"]["podSubnet"] == str(settings.network.pods)
    assert cluster["networking"]["serviceSubnet"] == str(settings.network.services)
    assert settings.control_planes.hosts + settings.worker_hosts == layout.HOSTS
    assert settings.metal is not None
    lab_hosts = {host.name: host for host in layout.ClusterSetup(tmp_path, tmp_path).spec.hosts}
    for name, host in settings.metal.hosts.items():
        assert lab_hosts[name].address == host.address
        assert host.size is not None
        assert lab_hosts[name].memory == host.size.memory


def test_images_have_kubewrights_versions() -> None:
    references = mirror.image_references()
    assert references["kube-apiserver"].endswith(f":v{catalogue.DEFAULTS.kubernetes}")
    assert references["etcd"].endswith(f":{catalogue.DEFAULTS.etcd}")
    cluster = documents_by_kind(kubeadm_config.init_config("cp-1", "a.b", ""))["ClusterConfiguration"]
    assert references["etcd"].endswith(cluster["etcd"]["local"]["imageTag"])


def test_only_control_planes_join_with_a_certificate_key() -> None:
    worker = documents_by_kind(kubeadm_config.join_config("w-1", "a.b", "sha256:0"))["JoinConfiguration"]
    member = documents_by_kind(kubeadm_config.join_config("cp-2", "a.b", "sha256:0", "key"))[
        "JoinConfiguration"
    ]
    assert "controlPlane" not in worker
    assert member["controlPlane"]["certificateKey"] == "key"
    assert json.dumps(worker).count("key") == 0


def test_report_has_medians_ratio_and_reasons() -> None:
    rounds = {
        "kubeadm": [
            ReadinessTimes(100, {"init": Span(10, 20)}),
            ReadinessTimes(90, {"init": Span(12, 20)}),
            ReadinessTimes(80, {}),
        ],
        "kubewright": [ReadinessTimes(45, {"PKI": Span(1, 2)})] * 3,
    }
    text = report.markdown(rounds, "A machine.")
    assert "| kubeadm | 90.0 | 80.0 | 100.0 |" in text
    assert "| init | 9.0 | 11.0 - 20.0 |" in text
    assert "Ratio: **0.50**" in text
    assert all(name in text for name in kubeadm_config.IGNORED_ERRORS)
