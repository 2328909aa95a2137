"""Tests of the sh program that collects the facts of a host, in a directory that stands for a host."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from automation.operations.cis.facts import CisFacts, collection_script, parse, parse_arguments
from components.encryption_configuration import encryption_configuration
from topology.encryption import Provider, ResourceEncryption

SYSTEMCTL = """#!/bin/sh
case $* in
*kube-apiserver.service) echo 11 ;;
*etcd.service) echo 12 ;;
*) echo 0 ;;
esac
"""


class HostDirectory:
    """A directory with the files of a host. `collect` runs the program in it."""

    def __init__(self, path: Path) -> None:
        self.path = path / "root"
        self.bin = path / "bin"
        self.bin.mkdir()
        (self.bin / "systemctl").write_text(SYSTEMCTL)
        (self.bin / "systemctl").chmod(0o755)

    def write(self, path: str, content: str, mode: int = 0o600) -> None:
        target = self.path / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
        target.chmod(mode)

    def collect(self) -> str:
        environment = {"PATH": f"{self.bin}:{os.environ['PATH']}", "KUBEWRIGHT_ROOT": str(self.path)}
        return subprocess.run(
            ["sh", "-c", collection_script()], env=environment, capture_output=True, text=True, check=True
        ).stdout

    def facts(self) -> CisFacts:
        return parse(self.collect())


@pytest.fixture
def host(tmp_path: Path) -> HostDirectory:
    return HostDirectory(tmp_path)


def test_files_are_reported_with_mode_and_owner(host: HostDirectory) -> None:
    host.write("/etc/kubernetes/pki/a.key", "", 0o640)
    host.write("/etc/kubernetes/admin.conf", "")
    files = {file.path: file for file in host.facts().files}
    assert files["/etc/kubernetes/pki/a.key"].mode == 0o640
    assert files["/etc/kubernetes/admin.conf"].mode == 0o600
    assert files["/etc/kubernetes/pki/a.key"].owner == f"{host.path.owner()}:{host.path.group()}"
    assert "/etc/kubernetes/scheduler.conf" not in files


def test_flags_of_running_processes_are_reported(host: HostDirectory) -> None:
    host.write("/proc/11/cmdline", "\0".join(["/bin/kube-apiserver", "--profiling=false", "--v", "2", ""]))
    host.write("/proc/11/environ", "PATH=/bin\0PASSWORD=hidden\0")
    host.write("/proc/12/cmdline", "\0".join(["/bin/etcd", "--auto-tls=false", "--force", ""]))
    host.write("/proc/12/environ", "ETCD_AUTO_TLS=true\0ETCD_PEER_AUTO_TLS=true\0")
    assert host.facts().flags == {
        "kube-apiserver": {"profiling": "false", "v": "2"},
        "etcd": {"auto-tls": "false", "peer-auto-tls": "true", "force": "true"},
    }
    assert "hidden" not in host.collect()


def test_a_repeated_flag_has_its_last_value() -> None:
    assert parse_arguments(["x", "--profiling=false", "--profiling=true"]) == {"profiling": "true"}


def test_encryption_providers_are_reported_without_keys(host: HostDirectory) -> None:
    providers = (Provider("secretbox", ("key1",)), Provider("identity"))
    text = encryption_configuration([ResourceEncryption("secrets", providers)], {"key1": "c2VjcmV0"})
    host.write("/etc/kubernetes/pki/encryption.yaml", text)
    assert host.facts().providers == (("secretbox", "identity"),)
    assert text.rpartition("secret: ")[2].split()[0] not in host.collect()

    groups = [{"resources": ["secrets"], "providers": [{"kms": {"name": "x"}}, {"identity": {}}]}] * 2
    host.write("/etc/kubernetes/pki/encryption.yaml", json.dumps({"resources": groups}, indent=2))
    assert host.facts().providers == (("kms", "identity"),) * 2


def test_configuration_files_are_reported(host: HostDirectory) -> None:
    host.write("/etc/kubernetes/kubelet.json", json.dumps({"readOnlyPort": 0}, indent=2))
    host.write("/etc/kubernetes/kube-proxy.json", "{")
    assert host.facts().configurations == {
        "/etc/kubernetes/kubelet.json": {"readOnlyPort": 0},
        "/etc/kubernetes/kube-proxy.json": None,
    }


def test_digests_distinguish_authorities(host: HostDirectory) -> None:
    host.write("/etc/etcd/pki/etcd-ca.crt", "etcd")
    host.write("/etc/kubernetes/pki/kubernetes-ca.crt", "kubernetes")
    assert len(set(host.facts().digests.values())) == 2


def test_incomplete_output_is_an_error(host: HostDirectory) -> None:
    complete = host.collect()
    assert parse(complete) == CisFacts()
    with pytest.raises(ValueError, match="incomplete"):
        parse(complete.removesuffix("@end\n"))
