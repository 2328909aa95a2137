"""The program that fills an image's store is run, on files of this machine."""

from __future__ import annotations

import os
import subprocess
from hashlib import sha256
from pathlib import Path

from images import store
from nodeconfig.bundle import Artifact

ROOT = Path(__file__).resolve().parents[3]


def run(directory: Path, artifacts: list[Artifact]) -> subprocess.CompletedProcess[str]:
    (directory / "run").mkdir(exist_ok=True)
    return subprocess.run(
        ["sh", "-c", store.fill(artifacts)],
        env=os.environ | {"KUBEWRIGHT_ROOT": str(directory)},
        capture_output=True,
        text=True,
        check=False,
    )


def artifact(directory: Path, name: str, content: str) -> Artifact:
    file = directory / f"{name}.src"
    file.write_text(content)
    return Artifact(name, file.as_uri(), sha256(content.encode()).hexdigest(), f"/usr/bin/{name}")


def test_what_is_fetched_is_kept_by_digest(tmp_path: Path) -> None:
    wanted = [artifact(tmp_path, name, f"the {name}\n") for name in ("kubelet", "etcd")]
    done = run(tmp_path, [*wanted, wanted[0]])
    assert done.returncode == 0, done.stderr
    for one in wanted:
        kept = tmp_path / "var/lib/kubewright/artifacts" / one.sha256 / one.name
        assert kept.read_text() == f"the {one.name}\n"
    digests = (tmp_path / "var/lib/kubewright/roles/image/digests").read_text().split()
    assert sorted(digests) == sorted(one.sha256 for one in wanted)
    assert "fetched 2 files" in done.stdout


def test_another_content_than_the_pinned_one_fails(tmp_path: Path) -> None:
    wanted = artifact(tmp_path, "kubelet", "the kubelet\n")
    (tmp_path / "kubelet.src").write_text("another\n")
    done = run(tmp_path, [wanted])
    assert done.returncode != 0
    assert "sha256 is" in done.stderr
    assert not (tmp_path / "var/lib/kubewright/roles/image").exists()


def test_the_example_stack_has_a_program() -> None:
    text = store.for_stack(ROOT / "Pulumi.aws-example.yaml")
    assert "https://mirror.example.com/files/kubelet/" in text
    assert subprocess.run(["sh", "-n"], input=text, text=True, check=False).returncode == 0


def test_a_wrong_stack_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text("config: {kubewright:cluster: {name: x}}\n")
    assert store.main([str(file)]) == 1
