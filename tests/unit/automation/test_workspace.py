"""Work directories: wrong names and files are one readable line, and nothing else is ever removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from automation import workspace
from automation.environment import Environment
from automation.errors import UserError


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(state=tmp_path / "state", cache=tmp_path / "cache")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text("config:\n  kubewright:cluster: {}\n")
    return path


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a b", "-x"])
def test_a_name_that_would_leave_the_stacks_directory_is_refused(
    environment: Environment, file: Path, name: str
) -> None:
    with pytest.raises(UserError, match=r"^--stack: .*allowed: letters"):
        workspace.prepare(environment=environment, stack=name, source=file)
    assert not environment.state.exists(), "something was written"


@pytest.mark.parametrize("name", ["dev", "prod-1", "a.b_c"])
def test_names_of_stacks(environment: Environment, file: Path, name: str) -> None:
    made = workspace.prepare(environment=environment, stack=name, source=file)
    assert made.directory == environment.state / "stacks" / name


@pytest.mark.parametrize("config", ["[a]", "hello", "3"])
def test_a_config_that_is_no_mapping_names_the_field(
    environment: Environment, file: Path, config: str
) -> None:
    file.write_text(f"config: {config}\n")
    with pytest.raises(UserError, match=r"^Pulumi\.x\.yaml: config: expected a mapping"):
        workspace.prepare(environment=environment, stack="x", source=file)


def test_what_is_no_file_or_no_text_is_one_line(environment: Environment, file: Path) -> None:
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        workspace.prepare(environment=environment, stack="x", source=file.parent)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"^Pulumi\.x\.yaml: is no text"):
        workspace.prepare(environment=environment, stack="x", source=file)


def test_an_alias_within_itself_is_one_line(environment: Environment, file: Path) -> None:
    file.write_text("a: &a [*a]\nconfig: {kubewright:cluster: &c {pools: {w: *c}}}\n")
    with pytest.raises(UserError, match="an alias"):
        workspace.prepare(environment=environment, stack="x", source=file)
