"""Tests of the arguments of the package as plain settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from package.values import absolute_paths


def test_paths_of_files_and_charts_start_at_the_directory_of_the_program() -> None:
    plain: dict[str, Any] = {
        "artifacts": {"ca_file": "ca.pem", "mirror": "https://mirror.example.com"},
        "helm_releases": {
            "web": {
                "chart": "./charts/web",
                "values": {"chart": "./unchanged", "values_files": ["unchanged.yaml"]},
                "values_files": ["values/web.yaml", "/etc/web.yaml", "~/web.yaml"],
                "repository": {"ca_file": "ca.pem"},
            }
        },
        "network": {"domain": "cluster.local", "cilium": {"chart": "./charts/cilium-1.20.2.tgz"}},
    }
    converted = absolute_paths(plain, Path("/program"))
    assert converted["artifacts"] == {"ca_file": "/program/ca.pem", "mirror": "https://mirror.example.com"}
    assert converted["helm_releases"]["web"]["chart"] == "/program/charts/web"
    assert converted["helm_releases"]["web"]["values"] == plain["helm_releases"]["web"]["values"]
    assert converted["helm_releases"]["web"]["values_files"] == [
        "/program/values/web.yaml",
        "/etc/web.yaml",
        "~/web.yaml",
    ]
    assert converted["helm_releases"]["web"]["repository"] == {"ca_file": "/program/ca.pem"}
    assert converted["network"]["cilium"]["chart"] == "/program/charts/cilium-1.20.2.tgz"
    assert converted["network"]["domain"] == "cluster.local"


def test_charts_and_files_of_add_ons_and_storage_drivers_start_at_the_directory() -> None:
    velero = {"chart": "./charts/velero", "locations": {"nas": {"s3": {"ca_file": "ca.pem"}}}}
    plain = {
        "addons": {"velero": velero},
        "storage": {"nfs": {"driver": {"chart": "./charts/nfs", "path": "/srv"}}},
    }
    converted = absolute_paths(plain, Path("/program"))
    assert converted["addons"]["velero"]["chart"] == "/program/charts/velero"
    assert converted["addons"]["velero"]["locations"]["nas"]["s3"] == {"ca_file": "/program/ca.pem"}
    assert converted["storage"]["nfs"]["driver"] == {"chart": "/program/charts/nfs", "path": "/srv"}


def test_names_and_references_of_charts_stay() -> None:
    for chart in ("cilium", "oci://registry.example.com/charts/cilium", "/charts/cilium"):
        plain = {"network": {"cilium": {"chart": chart}}}
        assert absolute_paths(plain, Path("/program")) == plain
