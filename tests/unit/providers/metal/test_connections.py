"""Tests of SSH connections to hosts: keys, host keys and bastions."""

from __future__ import annotations

from pathlib import Path

import pytest

from providers.metal.connections import Connections
from settings.metal import MetalSettings
from settings.problem import SettingsError

KNOWN_HOSTS = (
    "10.0.0.1 ssh-ed25519 AAAAone\n10.0.0.2 ssh-ed25519 AAAAtwo\nbastion.test ssh-ed25519 AAAAbastion\n"
)


def metal_settings(tmp_path: Path, **ssh: object) -> MetalSettings:
    key = tmp_path / "key"
    key.write_text("key\n")
    common = {"private_key_file": str(key), "known_hosts_file": "known", **ssh}
    return MetalSettings.model_validate(
        {"ssh": common, "hosts": {"one": {"address": "10.0.0.1"}, "two": {"address": "10.0.0.2"}}}
    )


def test_each_host_has_its_own_key_from_known_hosts(tmp_path: Path) -> None:
    connections = Connections(metal_settings(tmp_path), ["one", "two"], {"known": KNOWN_HOSTS})
    assert connections["one"].host_key == "ssh-ed25519 AAAAone"
    assert connections["two"].host_key == "ssh-ed25519 AAAAtwo"
    assert connections["two"].host == "10.0.0.2"


def test_a_host_key_in_the_settings_needs_no_known_hosts(tmp_path: Path) -> None:
    settings = metal_settings(tmp_path)
    own = settings.hosts["one"].ssh.model_copy(update={"host_key": "ssh-ed25519 AAAAown"})
    host = settings.hosts["one"].model_copy(update={"ssh": own})
    settings = settings.model_copy(update={"hosts": {"one": host}})
    assert Connections(settings, ["one"], {})["one"].host_key == "ssh-ed25519 AAAAown"


def test_one_error_names_all_unknown_hosts(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        Connections(metal_settings(tmp_path), ["one", "two"], {"known": ""})
    assert len(error.value.problems) == 2
    assert "10.0.0.1" in str(error.value)
    assert "10.0.0.2" in str(error.value)


def test_a_bastion_is_verified_too(tmp_path: Path) -> None:
    settings = metal_settings(tmp_path, bastion={"host": "bastion.test", "user": "jump"})
    connection = Connections(settings, ["one"], {"known": KNOWN_HOSTS})["one"]
    proxy = connection.proxy
    assert proxy is not None
    assert getattr(proxy, "host_key", None) == "ssh-ed25519 AAAAbastion"
    assert getattr(proxy, "user", None) == "jump"
    with pytest.raises(SettingsError, match=r"bastion\.test"):
        Connections(settings, ["one"], {"known": KNOWN_HOSTS.replace("bastion.test", "other.test")})


def test_an_agent_needs_no_key_file(tmp_path: Path) -> None:
    settings = metal_settings(tmp_path, private_key_file=None, agent=True)
    assert Connections(settings, ["one"], {"known": KNOWN_HOSTS})["one"].private_key is None


def test_only_root_needs_no_sudo(tmp_path: Path) -> None:
    assert not Connections(metal_settings(tmp_path), ["one"], {"known": KNOWN_HOSTS}).needs_sudo("one")
    assert Connections(metal_settings(tmp_path, user="admin"), ["one"], {"known": KNOWN_HOSTS}).needs_sudo(
        "one"
    )


def test_an_unreadable_key_is_one_problem_and_its_path_is_not_shown(tmp_path: Path) -> None:
    settings = metal_settings(tmp_path, private_key_file=str(tmp_path / "absent"))
    with pytest.raises(SettingsError) as error:
        Connections(settings, ["one", "two"], {"known": KNOWN_HOSTS})
    (problem,) = error.value.problems
    assert problem.path == "metal.ssh.private_key_file"
    assert "absent" not in str(problem)
