"""Tests of the program that fills the store of a machine image, run with files of this machine."""

from __future__ import annotations

import os
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from artifacts.errors import ArtifactError
from images import store
from nodeconfig.bundle import Artifact
from settings import SettingsError

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
