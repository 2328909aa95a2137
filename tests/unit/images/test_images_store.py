"""Tests of the program that fills the store of a machine image, run with files of this machine."""

from __future__ import annotations

import json
import os
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from artifacts.errors import ArtifactError
from images import store
from nodeconfig.bundle import Artifact
from settings import SettingsError
from tests.unit.providers.arm64 import with_arm64_pool, write_index
from tests.unit.providers.aws.program import example_config

ROOT = Path(__file__).resolve().parents[3]


def run_store_program(directory: Path, artifacts: list[Artifact]) -> subprocess.CompletedProcess[str]:
    (directory / "run").mkdir(exist_ok=True)
    return subprocess.run(
        ["sh", "-c", store.store_program(artifacts)],
        env=os.environ | {"KUBEWRIGHT_ROOT": str(directory)},
        capture_output=True,
        text=True,
        check=False,
    )


def artifact(directory: Path, name: str, content: str) -> Artifact:
    file = directory / f"{name}.src"
    file.write_text(content)
    return Artifact(name, file.as_uri(), sha256(content.encode()).hexdigest(), f"/usr/bin/{name}")


def test_files_are_stored_by_digest(tmp_path: Path) -> None:
    artifacts = [artifact(tmp_path, name, f"the {name}\n") for name in ("kubelet", "etcd")]
    result = run_store_program(tmp_path, [*artifacts, artifacts[0]])
    assert result.returncode == 0, result.stderr
    for item in artifacts:
        stored = tmp_path / "var/lib/kubewright/artifacts" / item.sha256 / item.name
        assert stored.read_text() == f"the {item.name}\n"
    digests = (tmp_path / "var/lib/kubewright/roles/image/digests").read_text().split()
    assert sorted(digests) == sorted(item.sha256 for item in artifacts)
    assert "fetched 2 files" in result.stdout


def test_wrong_checksum_fails(tmp_path: Path) -> None:
    kubelet = artifact(tmp_path, "kubelet", "the kubelet\n")
    (tmp_path / "kubelet.src").write_text("another\n")
    result = run_store_program(tmp_path, [kubelet])
    assert result.returncode != 0
    assert "sha256 is" in result.stderr
    assert not (tmp_path / "var/lib/kubewright/roles/image").exists()


def test_example_stack_has_a_valid_program() -> None:
    text = store.store_program_for_stack(ROOT / "Pulumi.aws-example.yaml")
    assert "https://mirror.example.com/files/kubelet/" in text
    assert subprocess.run(["sh", "-n"], input=text, text=True, check=False).returncode == 0


def test_architecture_without_machines_is_refused() -> None:
    with pytest.raises(ArtifactError, match="no machine has the architecture arm64"):
        store.store_program_for_stack(ROOT / "Pulumi.aws-example.yaml", "arm64")


def test_an_image_has_only_files_of_its_architecture(tmp_path: Path) -> None:
    config = example_config(with_arm64_pool("aws", "m6g.large", {"id": "ami-1"}, write_index(tmp_path)))
    file = tmp_path / "Pulumi.mixed.yaml"
    file.write_text(json.dumps({"config": {"kubewright:cluster": config}}))
    amd64, arm64 = (store.store_program_for_stack(file, name) for name in ("amd64", "arm64"))
    assert "-arm64/kubelet" not in amd64
    assert "-arm64/kubelet" in arm64
    assert "/files/etcd/" not in arm64  # only the nodes of a pool are arm64 machines


def test_stack_with_its_own_store_is_refused(tmp_path: Path) -> None:
    """Only machines of the cluster can read its store."""
    text = (ROOT / "Pulumi.aws-example.yaml").read_text()
    file = tmp_path / "Pulumi.own.yaml"
    file.write_text(text.replace("mirror: https://mirror.example.com", "store: own"))
    with pytest.raises(ArtifactError, match=r"set artifacts\.mirror in a copy of the stack file"):
        store.store_program_for_stack(file)


def test_invalid_stack_is_a_settings_error(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text("config: {kubewright:cluster: {name: x}}\n")
    with pytest.raises(SettingsError, match="control_planes"):
        store.store_program_for_stack(file)
