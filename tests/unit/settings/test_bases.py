"""Bases: what a stack file overrides, and where every value is from."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from automation import workspace
from automation.driving import origins
from automation.environment import Environment
from automation.errors import UserError
from settings.stackfile import load_file


def put(path: Path, config: object) -> Path:
    path.write_text(yaml.safe_dump({"config": config}))
    return path


@pytest.fixture
def base(tmp_path: Path) -> Path:
    cluster = {
        "environment": "lab",
        "network": {"machines": ["10.0.0.0/24"], "mtu": 1400},
        "pools": {"w": {"hosts": ["a", "b"], "labels": {"tier": "x"}}},
    }
    return put(tmp_path / "Pulumi.base.yaml", {"kubewright:cluster": cluster})


def stack(tmp_path: Path, cluster: object, base: str = "Pulumi.base.yaml") -> Path:
    return put(tmp_path / "Pulumi.x.yaml", {"kubewright:base": base, "kubewright:cluster": cluster})


def test_keys_are_overridden_lists_replaced_and_null_takes_away(tmp_path: Path, base: Path) -> None:
    file = stack(tmp_path, {"network": {"mtu": None}, "pools": {"w": {"hosts": ["c"]}}, "name": "x"})
    merged = workspace.settings(file)
    assert merged.config == {
        "kubewright:cluster": {
            "environment": "lab",
            "network": {"machines": ["10.0.0.0/24"]},
            "pools": {"w": {"hosts": ["c"], "labels": {"tier": "x"}}},
            "name": "x",
        }
    }
    at = {".".join(key[1:]): file.name for key, file in merged.origins.items()}
    assert at == {
        "environment": "Pulumi.base.yaml",
        "network.machines": "Pulumi.base.yaml",
        "pools.w.hosts": "Pulumi.x.yaml",
        "pools.w.labels.tier": "Pulumi.base.yaml",
        "name": "Pulumi.x.yaml",
    }


def test_chains(tmp_path: Path, base: Path) -> None:
    put(
        tmp_path / "Pulumi.middle.yaml",
        {"kubewright:base": base.name, "a": 2, "kubewright:cluster": {"name": "m"}},
    )
    file = stack(tmp_path, {"environment": "test"}, "Pulumi.middle.yaml")
    merged = workspace.settings(file)
    assert merged.config["a"] == 2
    cluster = merged.config["kubewright:cluster"]
    assert isinstance(cluster, dict)
    assert (cluster["name"], cluster["environment"]) == ("m", "test")
    assert [path.name for path in merged.files] == ["Pulumi.x.yaml", "Pulumi.middle.yaml", "Pulumi.base.yaml"]


def test_a_cycle_is_an_error_that_names_the_way(tmp_path: Path, base: Path) -> None:
    put(base, {"kubewright:base": "Pulumi.x.yaml"})
    with pytest.raises(
        UserError, match=r"x\.yaml -> Pulumi\.base\.yaml -> Pulumi\.x\.yaml: a file is its own"
    ):
        workspace.settings(stack(tmp_path, {}))


@pytest.mark.parametrize("name", ["../Pulumi.base.yaml", "/etc/passwd", "", 3])
def test_a_base_is_a_file_beside(tmp_path: Path, name: object) -> None:
    file = put(tmp_path / "Pulumi.x.yaml", {"kubewright:base": name})
    with pytest.raises(UserError, match=r"^Pulumi\.x\.yaml: kubewright:base: .*name of a file beside it"):
        workspace.settings(file)


def test_a_missing_base_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^Pulumi\.base\.yaml: no such stack file"):
        workspace.settings(stack(tmp_path, {}))


def test_a_base_holds_nothing_encrypted(tmp_path: Path, base: Path) -> None:
    put(base, {"kubewright:cluster": {"registries": {"r": {"password": {"secure": "v1:abc"}}}}})
    with pytest.raises(UserError, match=r"kubewright:cluster\.registries\.r\.password: is encrypted"):
        workspace.settings(stack(tmp_path, {}))


def test_an_encrypted_value_is_one_value(tmp_path: Path, base: Path) -> None:
    put(base, {"kubewright:cluster": {"registries": {"r": {"password": "plain-of-the-base"}}}})
    merged = workspace.settings(stack(tmp_path, {"registries": {"r": {"password": {"secure": "v1:abc"}}}}))
    assert merged.config["kubewright:cluster"] == {"registries": {"r": {"password": {"secure": "v1:abc"}}}}


def test_a_file_without_a_base_stays_as_it_is(tmp_path: Path) -> None:
    file = put(tmp_path / "Pulumi.x.yaml", {"kubewright:cluster": {"name": None, "pools": {}}})
    assert workspace.settings(file).config == {"kubewright:cluster": {"name": None, "pools": {}}}


def test_the_printed_settings_name_files_and_no_secret(tmp_path: Path, base: Path) -> None:
    passwords = {"r": {"password": {"secure": "v1:abc"}}, "s": {"password": "marked-plain-password"}}
    text = origins.show(workspace.settings(stack(tmp_path, {"registries": passwords})))
    assert yaml.safe_load(text)["kubewright:cluster"]["network"] == {"machines": ["10.0.0.0/24"], "mtu": 1400}
    (line,) = (line for line in text.splitlines() if "mtu" in line)
    assert line.endswith("# Pulumi.base.yaml")
    assert "marked" not in text
    assert "v1:abc" not in text


def test_the_printed_settings_of_a_file_without_a_base(tmp_path: Path) -> None:
    values = {"token": "marked-1", "list": [{"api-key": "marked-2"}], "kept": "shown", "none": None}
    path = put(
        tmp_path / "Pulumi.x.yaml", {"kubewright:cluster": {"values": values, "network": {"mtu": None}}}
    )
    text = origins.show(workspace.settings(path))
    assert "marked" not in text
    assert "kept: shown" in text
    assert "mtu" not in text


def test_the_engine_and_the_tools_see_the_merged_file(tmp_path: Path) -> None:
    host = {"address": "10.0.0.5"}
    ssh = {"private_key_file": "/k", "known_hosts_file": "/h"}
    cluster = {
        "name": "x",
        "environment": "lab",
        "network": {"machines": ["10.0.0.0/24"]},
        "artifacts": {"mirror": "https://mirror.example.com"},
        "metal": {"ssh": ssh, "hosts": {"cp-1": host}},
    }
    put(tmp_path / "Pulumi.base.yaml", {"kubewright:cluster": cluster})
    file = stack(tmp_path, {"control_planes": {"hosts": ["cp-1"], "schedulable": True}})
    environment = Environment(state=tmp_path / "state", cache=tmp_path / "cache")
    work = workspace.prepare(environment=environment, stack="x", source=file)
    written = yaml.safe_load(work.file.read_text())["config"]
    assert "kubewright:base" not in written
    assert written["kubewright:cluster"]["name"] == "x"
    assert written == work.config
    assert load_file(file).name == "x"
