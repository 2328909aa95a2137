"""Tests of configurations that are too long for an environment variable."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from settings.hosts_file import HOSTS_FILE_KEY, MAX_CONFIG_BYTES, config_size, join_hosts, split_hosts
from settings.problem import SettingsError

CLUSTER = "kubewright:cluster"


def config_with_hosts(hosts: int) -> dict[str, Any]:
    inventory = {f"w-{i}": {"address": f"10.0.{i // 250}.{i % 250}"} for i in range(hosts)}
    return {CLUSTER: {"name": "a", "metal": {"ssh": {"user": "root"}, "hosts": inventory}}}


def test_config_size_is_the_size_of_the_engines_variable() -> None:
    config = {CLUSTER: {"name": 'a "quoted" b'}, "kubewright:other": "text"}
    assert config_size(config) == len(
        json.dumps({CLUSTER: json.dumps(config[CLUSTER]), "kubewright:other": "text"}).encode()
    )


def test_limit_is_just_below_the_limit_of_linux() -> None:
    def linux_accepts_size(length: int) -> bool:
        try:
            subprocess.run(["true"], env={**os.environ, "PULUMI_CONFIG": "x" * length}, check=True)
        except OSError:
            return False
        return True

    assert linux_accepts_size(MAX_CONFIG_BYTES)
    assert not linux_accepts_size(MAX_CONFIG_BYTES + 12_000)


def test_split_hosts_can_be_joined_again(tmp_path: Path) -> None:
    config = config_with_hosts(3)
    split = split_hosts(config)
    assert split is not None
    config_without_hosts, hosts = split
    assert config_without_hosts == {CLUSTER: {"name": "a", "metal": {"ssh": {"user": "root"}}}}
    assert config == config_with_hosts(3)
    file = tmp_path / "hosts.json"
    file.write_text(json.dumps(hosts))
    assert join_hosts(config_without_hosts[CLUSTER], str(file)) == config[CLUSTER]
    assert join_hosts(config[CLUSTER], None) == config[CLUSTER]


@pytest.mark.parametrize("config", [{}, {CLUSTER: "text"}, {CLUSTER: {"aws": {}}}, {CLUSTER: {"metal": []}}])
def test_config_without_hosts_is_not_split(config: dict[str, Any]) -> None:
    assert split_hosts(config) is None


def test_missing_hosts_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"metal\.hosts: .*No such file.*run the command again"):
        join_hosts({}, str(tmp_path / "gone"))
    (tmp_path / "broken").write_text("{")
    with pytest.raises(SettingsError, match="not JSON"):
        join_hosts({}, str(tmp_path / "broken"))


def test_key_of_the_hosts_file_has_the_programs_namespace() -> None:
    assert HOSTS_FILE_KEY.startswith("kubewright:")
