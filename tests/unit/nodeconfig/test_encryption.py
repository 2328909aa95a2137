"""Tests of the check that an API server has loaded its encryption configuration."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from nodeconfig import apiserver
from nodeconfig.encryption import ENCRYPTION_FILE, encryption_is_loaded
from nodeconfig.host_paths import BIN
from nodeconfig.roles import has_rotation
from testkit.bundles import cluster
from topology.encryption import kms_rotation, resource_rotation
from topology.model import Role, Topology
from topology.options import Encryption, KmsPlugin
from topology.rotations import Certificates, Rotation

CONTENT = b"kind: EncryptionConfiguration\n"


def rotated(rotation: Rotation = Rotation(1, (1, 2)), kms: KmsPlugin | None = None) -> Topology:  # noqa: B008
    certificates = Certificates(rotations=(("encryption", rotation),))
    return replace(cluster(workers=0), certificates=certificates, encryption=Encryption(kms=kms))


def run_check(directory: Path, metrics: str) -> subprocess.CompletedProcess[str]:
    """Run the check with a kubectl that prints these metrics."""
    file, kubectl = directory / "encryption.yaml", directory / "kubectl"
    file.write_bytes(CONTENT)
    kubectl.write_text(f"#!/bin/sh\ncat <<'EOF'\n{metrics}\nEOF\n")
    kubectl.chmod(0o755)
    check, _ = encryption_is_loaded(rotated())
    script = check.replace(ENCRYPTION_FILE.path, str(file)).replace(f"{BIN}/kubectl", str(kubectl))
    script = script.replace("sleep 3", "sleep 0")
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True, env=os.environ, check=False)


@pytest.mark.parametrize("loaded", [True, False])
def test_the_check_compares_the_digest_of_the_file_with_the_metric(tmp_path: Path, loaded: bool) -> None:
    digest = sha256(CONTENT if loaded else b"the file of the last stage").hexdigest()
    metric = "apiserver_encryption_config_controller_last_config_info"
    result = run_check(tmp_path, f'x 1\n{metric}{{apiserver_id_hash="y",hash="sha256:{digest}"}} 1\nz 2')
    assert (result.returncode == 0) is loaded, result.stderr
    assert ("has not loaded" in result.stderr) is not loaded


def test_an_api_server_without_metrics_is_not_ready(tmp_path: Path) -> None:
    assert run_check(tmp_path, "").returncode != 0


def test_a_changed_encryption_extends_the_readiness_of_the_api_server() -> None:
    (plain, changed) = (
        next(service for service in services if service.unit == "kube-apiserver.service")
        for services in (
            apiserver.component(topology, topology.control_planes[0]).services
            for topology in (cluster(workers=0), rotated())
        )
    )
    assert "encryption" not in plain.ready
    assert plain.timeout == 120
    assert changed.ready.startswith(f"{plain.ready} && ")
    # The API server reads its file once a minute.
    assert changed.timeout >= plain.timeout + 60
    assert changed.restart_on == plain.restart_on


def test_the_api_server_starts_after_the_unit_of_the_plugin() -> None:
    topology = rotated(kms=KmsPlugin("vault", "unix:///run/kms.sock", "3s", after="vault-kms.service"))
    component = apiserver.component(topology, topology.control_planes[0])
    (unit,) = [file for file in component.files if file.path.endswith("kube-apiserver.service")]
    order = "network.target kube-apiserver-secrets.service etcd.service vault-kms.service"
    assert f"After={order}" in unit.content.splitlines()
    assert f"Wants={order}" in unit.content.splitlines()


@pytest.mark.parametrize("name", ["encryption", kms_rotation("vault"), resource_rotation("secrets")])
def test_rotations_of_the_encryption_are_in_bundles_of_control_planes_only(name: str) -> None:
    assert [role for role in Role if has_rotation(role, name)] == [Role.CONTROL_PLANE]
