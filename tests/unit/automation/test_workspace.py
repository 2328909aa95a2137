"""Tests of work directories: invalid names, invalid files, and removal."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from automation import workspace
from automation.environment import Environment
from automation.errors import UserError
from automation.stacks import selection
from settings import hosts_file


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(state=tmp_path / "state", cache=tmp_path / "cache")


@pytest.fixture
def stack_file(tmp_path: Path) -> Path:
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text("config:\n  kubewright:cluster: {}\n")
    return path


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/../b", "/a", "a/", "a/b/c", "a b", "-x", "x" * 101, "y" * 300]
)
def test_name_that_leaves_the_stacks_directory_is_rejected(
    environment: Environment, stack_file: Path, name: str
) -> None:
    for use in (
        lambda: workspace.prepare(environment=environment, stack=name, source=stack_file),
        lambda: workspace.stack_file(name),
        lambda: selection.select_stacks(["dev", name], select_all=False, changed_from=None),
    ):
        with pytest.raises(UserError, match=r"^--stack: .*allowed: letters") as error_info:
            use()
        assert len(str(error_info.value)) < 200
    assert not environment.state.exists(), "something was written"


@pytest.mark.parametrize("name", ["dev", "prod-1", "a.b_c", "x" * 100])
def test_valid_stack_names_become_directories(environment: Environment, stack_file: Path, name: str) -> None:
    prepared_workspace = workspace.prepare(environment=environment, stack=name, source=stack_file)
    assert prepared_workspace.directory == environment.state / "stacks" / name


def test_merged_stack_file_is_replaced_atomically(environment: Environment, stack_file: Path) -> None:
    """kubectl runs `kubewright credential`, which writes the merged stack file again, even during an `up`."""
    first = workspace.prepare(environment=environment, stack="x", source=stack_file)
    with first.merged_stack_file.open() as reader:
        stack_file.write_text("config:\n  kubewright:cluster: {name: changed}\n")
        workspace.prepare(environment=environment, stack="x", source=stack_file)
        assert yaml.safe_load(reader)["config"] == {"kubewright:cluster": {}}
    assert [path.name for path in first.directory.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("name", ["acme/prod", "acme/kubewright/prod"])
def test_name_with_an_organization_uses_the_file_of_the_stack(
    environment: Environment, stack_file: Path, name: str
) -> None:
    prepared_workspace = workspace.prepare(environment=environment, stack=name, source=stack_file)
    assert prepared_workspace.directory == environment.state / "stacks" / name.replace("/", "+")
    assert prepared_workspace.merged_stack_file.name == "Pulumi.prod.yaml"
    assert prepared_workspace.stack == name, "the engine gets the whole name"
    assert workspace.stack_file(name).name == "Pulumi.prod.yaml"


@pytest.mark.parametrize("config", ["[a]", "hello", "3"])
def test_config_that_is_not_a_mapping_names_the_field(
    environment: Environment, stack_file: Path, config: str
) -> None:
    stack_file.write_text(f"config: {config}\n")
    with pytest.raises(UserError, match=r"^Pulumi\.x\.yaml: config: expected a mapping"):
        workspace.prepare(environment=environment, stack="x", source=stack_file)


def test_directories_and_binary_files_are_reported_in_one_line(
    environment: Environment, stack_file: Path
) -> None:
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        workspace.prepare(environment=environment, stack="x", source=stack_file.parent)
    stack_file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"^Pulumi\.x\.yaml: is not a text file"):
        workspace.prepare(environment=environment, stack="x", source=stack_file)


def test_long_inventory_moves_to_a_file(environment: Environment, tmp_path: Path) -> None:
    hosts = {f"w-{i}": {"address": f"10.0.{i // 250}.{i % 250}"} for i in range(5000)}
    cluster = {"name": "large", "metal": {"ssh": {"user": "root"}, "hosts": hosts}}
    path = tmp_path / "Pulumi.large.yaml"
    path.write_text(yaml.safe_dump({"config": {"kubewright:cluster": cluster}}))
    prepared_workspace = workspace.prepare(environment=environment, stack="large", source=path)
    written = yaml.safe_load(prepared_workspace.merged_stack_file.read_text())["config"]
    assert hosts_file.config_size(written) <= hosts_file.MAX_CONFIG_BYTES
    assert "hosts" not in written["kubewright:cluster"]["metal"]
    assert hosts_file.join_hosts(written["kubewright:cluster"], written[hosts_file.HOSTS_FILE_KEY]) == cluster
    # Other readers of the stack see the complete config.
    assert prepared_workspace.config["kubewright:cluster"] == cluster


def test_config_too_long_without_its_hosts_is_rejected(environment: Environment, tmp_path: Path) -> None:
    values = {"text": "x" * hosts_file.MAX_CONFIG_BYTES}
    path = tmp_path / "Pulumi.large.yaml"
    path.write_text(yaml.safe_dump({"config": {"kubewright:cluster": {"helm_releases": {"a": values}}}}))
    with pytest.raises(UserError, match=r"^kubewright:cluster: \d+ bytes without its hosts"):
        workspace.prepare(environment=environment, stack="large", source=path)


def test_recursive_alias_is_reported_in_one_line(environment: Environment, stack_file: Path) -> None:
    stack_file.write_text("a: &a [*a]\nconfig: {kubewright:cluster: &c {pools: {w: *c}}}\n")
    with pytest.raises(UserError, match="an alias"):
        workspace.prepare(environment=environment, stack="x", source=stack_file)


def test_engine_uses_the_interpreter_of_the_driver(environment: Environment, stack_file: Path) -> None:
    """The virtual environment in Pulumi.yaml exists only after `pulumi install` in the checkout."""
    prepared_workspace = workspace.prepare(environment=environment, stack="x", source=stack_file)
    project = yaml.safe_load((prepared_workspace.directory / "Pulumi.yaml").read_text())
    assert project["runtime"] == "python"
    assert project["requiredPulumiVersion"]
