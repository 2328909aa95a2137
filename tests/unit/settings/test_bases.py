"""Tests of bases: a stack file overrides values of its base, and each value has a source file."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml

from automation import workspace
from automation.environment import Environment
from automation.errors import UserError
from automation.stacks import provenance
from settings.bases import merge_bases
from settings.stackfile import load_file


def write_stack_file(path: Path, config: object) -> Path:
    path.write_text(yaml.safe_dump({"config": config}))
    return path


@pytest.fixture
def base(tmp_path: Path) -> Path:
    cluster = {
        "environment": "lab",
        "network": {"machines": ["10.0.0.0/24"], "mtu": 1400},
        "pools": {"w": {"hosts": ["a", "b"], "labels": {"tier": "x"}}},
    }
    return write_stack_file(tmp_path / "Pulumi.base.yaml", {"kubewright:cluster": cluster})


def write_stack_with_base(tmp_path: Path, cluster: object, base: str = "Pulumi.base.yaml") -> Path:
    return write_stack_file(
        tmp_path / "Pulumi.x.yaml", {"kubewright:base": base, "kubewright:cluster": cluster}
    )


def test_mappings_merge_lists_are_replaced_and_null_removes(tmp_path: Path, base: Path) -> None:
    file = write_stack_with_base(
        tmp_path, {"network": {"mtu": None}, "pools": {"w": {"hosts": ["c"]}}, "name": "x"}
    )
    merged = workspace.merged_config(file)
    assert merged.config == {
        "kubewright:cluster": {
            "environment": "lab",
            "network": {"machines": ["10.0.0.0/24"]},
            "pools": {"w": {"hosts": ["c"], "labels": {"tier": "x"}}},
            "name": "x",
        }
    }
    file_by_setting = {".".join(key[1:]): file.name for key, file in merged.provenance.items()}
    assert file_by_setting == {
        "environment": "Pulumi.base.yaml",
        "network.machines": "Pulumi.base.yaml",
        "pools.w.hosts": "Pulumi.x.yaml",
        "pools.w.labels.tier": "Pulumi.base.yaml",
        "name": "Pulumi.x.yaml",
    }


def test_base_may_have_a_base(tmp_path: Path, base: Path) -> None:
    write_stack_file(
        tmp_path / "Pulumi.middle.yaml",
        {"kubewright:base": base.name, "a": 2, "kubewright:cluster": {"name": "m"}},
    )
    file = write_stack_with_base(tmp_path, {"environment": "test"}, "Pulumi.middle.yaml")
    merged = workspace.merged_config(file)
    assert merged.config["a"] == 2
    cluster = merged.config["kubewright:cluster"]
    assert isinstance(cluster, dict)
    assert (cluster["name"], cluster["environment"]) == ("m", "test")
    assert [path.name for path in merged.files] == [
        "Pulumi.x.yaml",
        "Pulumi.middle.yaml",
        "Pulumi.base.yaml",
    ]


def test_cycle_of_bases_is_an_error_that_names_the_chain(tmp_path: Path, base: Path) -> None:
    write_stack_file(base, {"kubewright:base": "Pulumi.x.yaml"})
    with pytest.raises(
        UserError, match=r"x\.yaml -> Pulumi\.base\.yaml -> Pulumi\.x\.yaml: a file extends itself"
    ):
        workspace.merged_config(write_stack_with_base(tmp_path, {}))


@pytest.mark.parametrize("name", ["../Pulumi.base.yaml", "/etc/passwd", "", 3])
def test_base_must_be_a_file_in_the_same_directory(tmp_path: Path, name: object) -> None:
    file = write_stack_file(tmp_path / "Pulumi.x.yaml", {"kubewright:base": name})
    with pytest.raises(UserError, match=r"^Pulumi\.x\.yaml: kubewright:base: .*a file in the same directory"):
        workspace.merged_config(file)


def test_missing_base_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^Pulumi\.base\.yaml: no such stack file"):
        workspace.merged_config(write_stack_with_base(tmp_path, {}))


def test_encrypted_value_in_a_base_is_an_error(tmp_path: Path, base: Path) -> None:
    write_stack_file(base, {"kubewright:cluster": {"registries": {"r": {"password": {"secure": "v1:abc"}}}}})
    with pytest.raises(UserError, match=r"kubewright:cluster\.registries\.r\.password: is encrypted"):
        workspace.merged_config(write_stack_with_base(tmp_path, {}))


def test_encrypted_value_replaces_the_value_of_the_base(tmp_path: Path, base: Path) -> None:
    write_stack_file(base, {"kubewright:cluster": {"registries": {"r": {"password": "plain-of-the-base"}}}})
    merged = workspace.merged_config(
        write_stack_with_base(tmp_path, {"registries": {"r": {"password": {"secure": "v1:abc"}}}})
    )
    assert merged.config["kubewright:cluster"] == {"registries": {"r": {"password": {"secure": "v1:abc"}}}}


def test_file_without_a_base_is_unchanged(tmp_path: Path) -> None:
    file = write_stack_file(tmp_path / "Pulumi.x.yaml", {"kubewright:cluster": {"name": None, "pools": {}}})
    assert workspace.merged_config(file).config == {"kubewright:cluster": {"name": None, "pools": {}}}


def test_printed_settings_name_files_and_hide_secrets(tmp_path: Path, base: Path) -> None:
    passwords = {"r": {"password": {"secure": "v1:abc"}}, "s": {"password": "marked-plain-password"}}
    text = provenance.format_settings(
        workspace.merged_config(write_stack_with_base(tmp_path, {"registries": passwords}))
    )
    assert yaml.safe_load(text)["kubewright:cluster"]["network"] == {"machines": ["10.0.0.0/24"], "mtu": 1400}
    (line,) = (line for line in text.splitlines() if "mtu" in line)
    assert line.endswith("# Pulumi.base.yaml")
    assert "marked" not in text
    assert "v1:abc" not in text


@pytest.mark.parametrize(
    "config", [{"name": None, "pools": {"a": {"b": None}}}, {"pools": {}, "list": [None]}]
)
def test_empty_settings_print_nothing(tmp_path: Path, config: dict[str, object]) -> None:
    file = write_stack_file(tmp_path / "Pulumi.x.yaml", {"kubewright:cluster": config})
    text = provenance.format_settings(workspace.merged_config(file))
    assert yaml.safe_load(text) == {"kubewright:cluster": config}
    assert "# Pulumi.x.yaml" in text


def test_emptied_mapping_comes_from_the_file_that_removed_its_last_key(tmp_path: Path, base: Path) -> None:
    write_stack_file(base, {"kubewright:cluster": {"pools": {"a": {"hosts": ["w-1"]}}}})
    text = provenance.format_settings(
        workspace.merged_config(write_stack_with_base(tmp_path, {"pools": {"a": None}}))
    )
    assert "  pools: {}" in text
    assert "# Pulumi.x.yaml" in text


@pytest.mark.parametrize(
    "config",
    [
        {"list": [{"password": "marked-secret"}]},
        {"list": [[{"inner": {"api-key": "marked-secret"}}]]},
        {"list": [{"secure": "marked-secret"}]},
        {"values": {"apiToken": "marked-secret"}},
        {"credentials": {"user": "marked-secret", "list": ["marked-secret"]}},
        {"env": [{"name": "DB_PASSWORD", "value": "marked-secret"}]},
        {"config": "a: b\npassword: marked-secret\n"},
        {"url": "https://user:marked-secret@example.com"},
        {"pin": {"password": 4711}},
    ],
)
def test_printed_settings_hide_secrets_at_every_path(tmp_path: Path, config: dict[str, object]) -> None:
    file = write_stack_file(tmp_path / "Pulumi.x.yaml", {"kubewright:cluster": config})
    text = provenance.format_settings(workspace.merged_config(file))
    assert "marked-secret" not in text
    assert "4711" not in text
    assert "[secret]" in text


def test_many_hosts_merge_fast(tmp_path: Path, base: Path) -> None:
    hosts = {f"w-{number}": {"address": "10.0.0.5", "user": "x"} for number in range(3000)}
    write_stack_file(base, {"kubewright:cluster": {"metal": {"hosts": hosts}}})
    file = write_stack_with_base(tmp_path, {"metal": {"hosts": {"w-1": {"user": "y"}}}})
    content = {path: yaml.safe_load(path.read_text())["config"] for path in (base, file)}
    start = time.process_time()
    assert merge_bases(file, lambda path: dict(content[path])).provenance
    assert time.process_time() - start < 1


def test_printed_settings_of_a_file_without_a_base(tmp_path: Path) -> None:
    values = {"token": "marked-1", "list": [{"api-key": "marked-2"}], "kept": "shown", "none": None}
    path = write_stack_file(
        tmp_path / "Pulumi.x.yaml", {"kubewright:cluster": {"values": values, "network": {"mtu": None}}}
    )
    text = provenance.format_settings(workspace.merged_config(path))
    assert "marked" not in text
    assert "kept: shown" in text
    assert "mtu: null" in text


def test_engine_and_tools_read_the_merged_file(tmp_path: Path) -> None:
    host = {"address": "10.0.0.5"}
    ssh = {"private_key_file": "/k", "known_hosts_file": "/h"}
    cluster = {
        "name": "x",
        "environment": "lab",
        "network": {"machines": ["10.0.0.0/24"]},
        "artifacts": {"mirror": "https://mirror.example.com"},
        "metal": {"ssh": ssh, "hosts": {"cp-1": host}},
    }
    write_stack_file(tmp_path / "Pulumi.base.yaml", {"kubewright:cluster": cluster})
    file = write_stack_with_base(tmp_path, {"control_planes": {"hosts": ["cp-1"], "schedulable": True}})
    environment = Environment(state=tmp_path / "state", cache=tmp_path / "cache")
    work = workspace.prepare(environment=environment, stack="x", source=file)
    written = yaml.safe_load(work.merged_stack_file.read_text())["config"]
    assert "kubewright:base" not in written
    assert written["kubewright:cluster"]["name"] == "x"
    assert written == work.config
    assert load_file(file).name == "x"
