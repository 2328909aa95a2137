"""Tests of loading settings: valid configurations, secrets in errors, referenced files and host keys."""

from __future__ import annotations

import base64
import hashlib
import hmac
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from artifacts.catalogue import DEFAULTS
from settings import SettingsError, files, load, paths
from settings.known_hosts import KnownHosts
from settings.stackfile import load_file
from tests.unit.settings.support import HIGHLY_AVAILABLE, ONE_HOST, TWO_WORKERS, with_edits, with_workers
from tests.unit.settings.wrong_clouds import AWS, AZURE

SECRET = "hunter2-very-secret"


@pytest.mark.parametrize(
    "raw", [ONE_HOST, TWO_WORKERS, HIGHLY_AVAILABLE], ids=["single", "workers", "available"]
)
def test_valid_settings_load(raw: dict[str, Any]) -> None:
    assert load(raw).name == raw["name"]


@pytest.mark.parametrize(
    ("raw", "edits"),
    [
        (AWS, {"aws.zones": 1, "control_planes.hosts": ["cp-1"]}),
        (AWS, {"aws.disk_key": "arn:aws:kms:eu-central-1:123456789012:key/1234"}),
        (AZURE, {"azure.ssh_key": "ssh-ed25519 AAAA"}),
    ],
)
def test_allowed_values_of_a_cloud_load(raw: dict[str, Any], edits: dict[str, object]) -> None:
    assert load(with_edits(raw, edits)).cloud


def test_missing_settings_have_defaults() -> None:
    settings = load(ONE_HOST)
    assert settings.kubernetes.version == DEFAULTS.kubernetes
    assert settings.network.services == IPv4Network("10.96.0.0/20")
    assert settings.etcd_hosts == ("only",)


def test_settings_with_a_thousand_workers_load() -> None:
    settings = load(with_edits(with_workers(TWO_WORKERS, 1000), {"network.pods": "172.16.0.0/12"}))
    assert len(settings.worker_hosts) == 1000


def test_load_does_not_change_its_argument() -> None:
    raw = with_edits(TWO_WORKERS, {"pools.workers.taints": ["bad"]})
    with pytest.raises(SettingsError):
        load(raw)
    assert raw["pools"]["workers"]["taints"] == ["bad"]


@pytest.mark.parametrize(
    "edits",
    [
        {"registries._default.password": [SECRET]},
        {"registries._default.password": SECRET},
        {"registries._default.token": SECRET},
        {"registries._default": SECRET},
        {"registries._default.endpoint": f"https://me:{SECRET}@10.89.0.1"},
        {"helm_releases.web": {"chart": "nginx", "values": SECRET}},
        {"metal.ssh.private_key_file": [SECRET]},
        {"metal.ssh.private_key_file": f"-----BEGIN PRIVATE KEY-----\n{SECRET}", "name": "A"},
        {"password": SECRET},
        {"artifacts.mirror": f"https://me:{SECRET}@10.89.0.1"},
        {"name": f"{SECRET}\n"},
    ],
)
def test_errors_never_contain_secrets(edits: dict[str, object]) -> None:
    with pytest.raises(SettingsError) as caught:
        load(with_edits(TWO_WORKERS, edits))
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value.__cause__)
    assert SECRET not in repr(caught.value.__context__)


def test_password_is_hidden_in_the_repr_of_settings() -> None:
    settings = load(
        with_edits(
            TWO_WORKERS, {"registries._default.username": "me", "registries._default.password": SECRET}
        )
    )
    assert SECRET not in repr(settings)
    password = settings.registries["_default"].password
    assert password is not None
    assert password.get_secret_value() == SECRET


def test_file_paths_are_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBEWRIGHT_STATE", "/somewhere/state")
    monkeypatch.setenv("HOME", "/home/ada")
    settings = load(
        with_edits(TWO_WORKERS, {"metal.ssh.known_hosts_file": "$KUBEWRIGHT_STATE/labs/dev/ssh/known_hosts"})
    )
    connection = settings.metal.connection("w-1") if settings.metal else None
    assert connection is not None
    assert connection.known_hosts_file == "/somewhere/state/labs/dev/ssh/known_hosts"
    assert connection.private_key_file == "/home/ada/.ssh/id_ed25519"


def test_state_and_cache_have_defaults() -> None:
    default = Path("~/.local/state/kubewright").expanduser()
    assert paths.expand("$KUBEWRIGHT_STATE/x", {}) == f"{default}/x"
    assert paths.expand("${KUBEWRIGHT_CACHE}/x", {"KUBEWRIGHT_CACHE": "/c"}) == "/c/x"
    assert paths.expand("$KUBEWRIGHT_OTHER/x", {}) == "$KUBEWRIGHT_OTHER/x"


def test_host_overrides_the_common_connection() -> None:
    connection_settings = {
        "address": "host.example",
        "user": "ada",
        "port": 2222,
        "host_key": "ssh-ed25519 AAAA",
    }
    settings = load(with_edits(TWO_WORKERS, {"metal.hosts.w-1.ssh": connection_settings}))
    assert settings.metal is not None
    first, second = settings.metal.connection("w-1"), settings.metal.connection("w-2")
    assert (first.address, first.user, first.port, first.host_key) == tuple(connection_settings.values())
    assert (second.address, second.user, second.port, second.host_key) == ("10.89.0.22", "root", 22, "")


def test_missing_files_are_all_reported(tmp_path: Path) -> None:
    (tmp_path / "known_hosts").write_text("w-1 ssh-ed25519 AAAA\n")
    (tmp_path / "key").touch()
    existing, missing = str(tmp_path / "known_hosts"), str(tmp_path / "ca.crt")
    ssh = {"metal.ssh.known_hosts_file": existing, "metal.ssh.private_key_file": str(tmp_path / "key")}
    settings = load(with_edits(TWO_WORKERS, ssh))
    assert files.read_files(settings, tmp_path) == {existing: "w-1 ssh-ed25519 AAAA\n"}
    edits = {
        "artifacts": {"mirror": "https://10.89.0.1", "ca_file": missing},
        "registries._default.ca_file": missing,
    }
    with pytest.raises(SettingsError) as caught:
        files.read_files(load(with_edits(TWO_WORKERS, {**edits, **ssh})), tmp_path)
    assert [problem.path for problem in caught.value.problems] == [
        "artifacts.ca_file",
        "registries._default.ca_file",
    ]


def test_authority_of_an_issuer_must_be_a_certificate(tmp_path: Path) -> None:
    username = {"claim": "sub", "prefix": ""}
    issuer = {"url": "https://login.example", "audiences": ["k8s"], "ca_file": "ca.key", "username": username}
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text("")
    (tmp_path / "ca.key").write_text("no certificate")
    edits = {"metal.ssh.known_hosts_file": str(known_hosts), "metal.ssh.private_key_file": str(known_hosts)}
    settings = load(with_edits(TWO_WORKERS, edits | {"api.oidc.corp": issuer}))
    with pytest.raises(
        SettingsError, match=r"api\.oidc\.corp\.ca_file: .*has no certificate; give the PEM file"
    ):
        files.read_files(settings, tmp_path)


def test_missing_keys_and_charts_are_reported(tmp_path: Path) -> None:
    raw = with_edits(TWO_WORKERS, {"helm_releases.web": {"chart": "./web"}})
    raw["metal"]["ssh"]["private_key_file"] = str(tmp_path / "key")
    problems = files.find_missing(load(raw), tmp_path)
    assert [problem.path for problem in problems] == ["metal.ssh.private_key_file", "helm_releases.web.chart"]
    (tmp_path / "key").touch()
    (tmp_path / "web").mkdir()
    assert files.find_missing(load(raw), tmp_path) == []


def hashed_name(name: str) -> str:
    salt = b"0123456789abcdefghij"
    digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


@pytest.mark.parametrize(
    ("text", "address", "port", "key"),
    [
        ("10.0.0.1 ssh-ed25519 AAAA comment", "10.0.0.1", 22, "ssh-ed25519 AAAA"),
        # OpenSSH 8.8 and later refuse RSA signatures with SHA-1, which are all that pulumi-command accepts.
        ("# c\n\n10.0.0.1 ssh-rsa RR\na,10.0.0.1 ssh-ed25519 EE", "10.0.0.1", 22, "ssh-ed25519 EE"),
        ("h ssh-rsa RR\nh ecdsa-sha2-nistp256 NN\nh ssh-ed25519 EE", "h", 22, "ssh-ed25519 EE"),
        ("h ssh-rsa RR\nh ecdsa-sha2-nistp384 NN", "h", 22, "ecdsa-sha2-nistp384 NN"),
        (
            "h ssh-ed25519 EE\nh ecdsa-sha2-nistp256 NN\n@revoked h ssh-ed25519 EE",
            *("h", 22, "ecdsa-sha2-nistp256 NN"),
        ),
        ("[10.0.0.1]:2222 ssh-ed25519 PP\n10.0.0.1 ssh-ed25519 QQ", "10.0.0.1", 2222, "ssh-ed25519 PP"),
        ("10.0.0.* ssh-ed25519 WW", "10.0.0.7", 22, "ssh-ed25519 WW"),
        # The expected key is the first of its kind, whether the line has the full name of the host or a
        # pattern.
        ("10.0.0.* ssh-ed25519 WW\n10.0.0.7 ssh-ed25519 NN", "10.0.0.7", 22, "ssh-ed25519 WW"),
        ("10.0.0.7 ssh-ed25519 NN\n10.0.0.* ssh-ed25519 WW", "10.0.0.7", 22, "ssh-ed25519 NN"),
        ("Host.Example ssh-ed25519 UU", "host.example", 22, "ssh-ed25519 UU"),
        (f"{hashed_name('10.0.0.1')} ssh-ed25519 HH", "10.0.0.1", 22, "ssh-ed25519 HH"),
        (f"{hashed_name('[10.0.0.1]:2222')} ssh-ed25519 HH", "10.0.0.1", 2222, "ssh-ed25519 HH"),
    ],
)
def test_host_keys_are_found(text: str, address: str, port: int, key: str) -> None:
    assert KnownHosts(text).host_key(address, port) == key


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("10.0.0.2 ssh-ed25519 AAAA", "has no key in the file"),
        ("[10.0.0.1]:2222 ssh-ed25519 AAAA", "has no key in the file"),
        ("@cert-authority 10.0.0.1 ssh-ed25519 AAAA", "has no key in the file"),
        ("10.0.0.1 ssh-ed25519 AAAA\n@revoked * ssh-ed25519 AAAA", "its key is revoked"),
        ("!10.0.0.1,10.0.0.* ssh-ed25519 AAAA", "has no key in the file"),
        ("|1|broken ssh-ed25519 AAAA", "has no key in the file"),
        ("10.0.0.1 ssh-rsa AAAA", "has only an RSA key in the file"),
        ("10.0.0.1 ssh-rsa AAAA\n@revoked 10.0.0.1 ssh-rsa AAAA", "its key is revoked"),
        ("10.0.0.1 ssh-dss AAAA", "has no key in the file"),
    ],
)
def test_unknown_and_revoked_host_keys_are_errors(text: str, phrase: str) -> None:
    with pytest.raises(SettingsError, match=phrase) as caught:
        KnownHosts(text).host_key("10.0.0.1", 22)
    assert caught.value.problems[0].value == '"10.0.0.1"'


def test_dev_stack_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBEWRIGHT_STATE", "/state")
    settings = load_file(Path(__file__).parents[3] / "Pulumi.dev.yaml")
    assert settings.worker_hosts == ("w-1", "w-2")
    assert settings.artifacts.ca_file == "/state/labs/dev/ca.crt"


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("config: {", "not valid YAML near line"),
        ("config: {}", "has no mapping kubewright:cluster below config"),
        ("config:\n  kubewright:cluster: 5", "has no mapping"),
    ],
)
def test_broken_stack_files_are_readable_errors(tmp_path: Path, text: str, phrase: str) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=phrase):
        load_file(file)


def test_stack_file_with_encrypted_values_loads(tmp_path: Path) -> None:
    import yaml

    registry = {"endpoint": "https://r.example", "username": "me", "password": {"secure": "v1:abc"}}
    file = tmp_path / "Pulumi.x.yaml"
    cluster = with_edits(TWO_WORKERS, {"registries": {"_default": registry}})
    file.write_text(yaml.safe_dump({"config": {"kubewright:cluster": cluster}}))
    assert load_file(file).registries["_default"].username == "me"
