"""Tests of the selection of stacks by name and by change."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from automation.errors import UserError
from automation.stacks import selection


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    release = "{h: {chart: ./charts/hello}}"
    (tmp_path / "Pulumi.a.yaml").write_text("config: {'kubewright:base': Pulumi.base.yaml}\n")
    (tmp_path / "Pulumi.b.yaml").write_text(
        f"config: {{'kubewright:cluster': {{environment: docs, helm_releases: {release}, "
        "artifacts: {index: mirrors/b.json}}}\n"
    )
    (tmp_path / "Pulumi.base.yaml").write_text("config: {}\n")
    (tmp_path / "Pulumi.yaml").write_text("name: x\n")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/a.md").write_text("x\n")
    for words in (
        ("init", "-q"),
        ("add", "."),
        ("-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-m", "x"),
    ):
        subprocess.run(["git", *words], cwd=tmp_path, check=True, timeout=30)
    return tmp_path


def test_base_is_not_a_stack(checkout: Path) -> None:
    assert list(selection.all_stacks(checkout)) == ["a", "b"]


@pytest.mark.parametrize(
    ("changed", "stacks"),
    [
        (["Pulumi.a.yaml"], ["a"]),
        (["Pulumi.base.yaml"], ["a"]),
        (["charts/hello/values.yaml"], ["b"]),
        (["charts/hello-two/values.yaml"], []),
        (["mirrors/b.json"], ["b"]),
        (["mirrors/a.json"], []),
        (["nodeconfig/kubelet.py"], ["a", "b"]),
        (["assembly/builder.py"], ["a", "b"]),
        (["formats/quantity.py"], ["a", "b"]),
        (["redaction/secret_names.py"], ["a", "b"]),
        (["Pulumi.yaml"], ["a", "b"]),
        (["docs/a.md", "tests/unit/test_x.py", "README.md"], []),
        ([], []),
    ],
)
def test_change_selects_the_affected_stacks(checkout: Path, changed: list[str], stacks: list[str]) -> None:
    assert selection.affected_stacks(changed, selection.all_stacks(checkout), checkout) == stacks


def test_uncommitted_and_new_files_count_as_changed(checkout: Path) -> None:
    assert selection.changed_since("HEAD", checkout) == []
    (checkout / "docs/a.md").write_text("y\n")
    (checkout / "Pulumi.c.yaml").write_text("config: {}\n")
    assert selection.changed_since("HEAD", checkout) == ["Pulumi.c.yaml", "docs/a.md"]


@pytest.mark.parametrize("ref", ["nowhere", "--output=/tmp/x", ""])
def test_unknown_reference_is_reported_in_one_line(checkout: Path, ref: str) -> None:
    with pytest.raises(UserError, match=r"^--changed-from: [^\n]+$"):
        selection.changed_since(ref, checkout)


def test_ways_of_selection_cannot_be_combined() -> None:
    with pytest.raises(UserError, match="give one of them"):
        selection.select_stacks(["dev"], select_all=True, changed_from=None)
    assert selection.select_stacks([], select_all=False, changed_from=None) == ["dev"]
    assert selection.select_stacks(["b", "a", "b"], select_all=False, changed_from=None) == ["b", "a"]
