"""Tests of the users of services: the copies of secret files in memory, and who reads which file."""

from __future__ import annotations

import os
import re
import subprocess
from itertools import combinations
from pathlib import Path

import pytest

from nodeconfig import bundles
from nodeconfig.bundle import Bundle, Service
from nodeconfig.sources import read_source
from testkit.bundles import FakeIndex, cluster
from topology.model import Role

USERS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet-csr-approver")
GROUP = subprocess.run(["id", "-gn"], check=True, capture_output=True, text=True).stdout.strip()
"""The group of the user who runs the tests, in place of the group of a service."""


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """Return the bundle of a control plane."""
    return bundles(cluster(), FakeIndex())["cp-1", Role.CONTROL_PLANE]


def service(bundle: Bundle, unit: str) -> Service:
    """Return a service of the bundle."""
    return next(item for item in bundle.services if item.unit == unit)


def unit_text(bundle: Bundle, unit: str) -> str:
    """Return the text of a unit of the bundle."""
    return next(file.content for file in bundle.files if file.path.endswith(f"/{unit}"))


def copied_files(bundle: Bundle, user: str) -> set[str]:
    """Return the paths of the files that a user gets."""
    start = re.search(
        r"ExecStart=\S+ copy \S+((?: \\\n  \S+)*)", unit_text(bundle, f"{user}-secrets.service")
    )
    assert start
    return set(start[1].replace("\\\n", "").split())


def run(root: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the program with the directory `root` as the root of the file system."""
    return subprocess.run(
        ["sh", "-c", read_source("service-secrets.sh"), "service-secrets", *arguments],
        env={"PATH": os.environ["PATH"], "KUBEWRIGHT_ROOT": str(root)},
        check=check,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("user", USERS)
def test_a_service_reads_its_private_files_only_as_copies(bundle: Bundle, user: str) -> None:
    text = unit_text(bundle, f"{user}.service")
    private = {file.path for file in bundle.secrets if file.mode == 0o600}
    private |= {file.path for file in bundle.files if file.mode == 0o600}
    assert not [path for path in private if path in re.split(r"[\s=]", text)]
    read = set(re.findall(rf"/run/kubernetes/{user}/(\S+)", text))
    copied = copied_files(bundle, user)
    assert copied <= private
    assert read <= {Path(path).name for path in copied}


def test_each_private_key_goes_to_the_services_that_use_it(bundle: Bundle) -> None:
    shared = {
        (one, other): copied_files(bundle, one) & copied_files(bundle, other)
        for one, other in combinations(USERS, 2)
    }
    token_key = {"/etc/kubernetes/pki/service-account.key"}
    assert {pair: files for pair, files in shared.items() if files} == {
        ("kube-apiserver", "kube-controller-manager"): token_key
    }
    assert "/etc/kubernetes/pki/kubernetes-ca-signer.key" not in copied_files(bundle, "kube-apiserver")
    assert not [path for user in USERS for path in copied_files(bundle, user) if path.endswith("admin.key")]


@pytest.mark.parametrize("user", USERS)
def test_kubeconfigs_have_the_copy_of_the_key(bundle: Bundle, user: str) -> None:
    names = [path for path in copied_files(bundle, user) if path.endswith(".conf")]
    for file in bundle.files:
        if file.path in names:
            (key,) = re.findall(r'"client-key": "(.*)"', file.content)
            assert key.startswith(f"/run/kubernetes/{user}/")
            assert Path(key).name in {Path(path).name for path in copied_files(bundle, user)}


@pytest.mark.parametrize("user", USERS)
def test_changed_secret_is_copied_before_the_service_restarts(bundle: Bundle, user: str) -> None:
    copies = service(bundle, f"{user}-secrets.service")
    assert copies.reload
    assert copied_files(bundle, user) <= set(copies.restart_on)
    unit = unit_text(bundle, f"{user}-secrets.service")
    assert f"Before={user}.service" in unit
    assert "ExecReload=" in unit
    assert f"{user}-secrets.service" in unit_text(bundle, f"{user}.service")
    order = [item.unit for item in bundle.services]
    assert order.index(f"{user}-secrets.service") < order.index(f"{user}.service")


def test_audit_logs_belong_to_the_api_server(bundle: Bundle) -> None:
    (directory,) = [item for item in bundle.directories if item.path == "/var/log/kubernetes"]
    assert (directory.mode, directory.owner) == (0o700, "kube-apiserver:kube-apiserver")


def test_only_the_first_start_changes_the_owner_of_audit_logs(bundle: Bundle, tmp_path: Path) -> None:
    """A log of version 0.1 belongs to root, and the API server would not start. Later, root must not change
    files in a directory of the API server.
    """
    (command,) = re.findall(
        r"^ExecStartPre=\+/bin/sh -c '(.*)'$", unit_text(bundle, "kube-apiserver.service"), re.MULTILINE
    )
    assert "/var/lib/kubewright/" in command
    (tmp_path / "chown").write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/log\nexit "$(cat {tmp_path}/code)"\n')
    (tmp_path / "chown").chmod(0o755)

    def start(code: int) -> int:
        (tmp_path / "code").write_text(str(code))
        script = command.replace("/var/lib/kubewright/", f"{tmp_path}/")
        environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
        return subprocess.run(["sh", "-c", script], env=environment, check=False).returncode

    assert [start(1), start(0), start(0)] == [1, 0, 0]
    change = "-hR kube-apiserver:kube-apiserver /var/log/kubernetes"
    assert (tmp_path / "log").read_text().splitlines() == [change, change]


def test_copies_are_readable_only_by_the_group(tmp_path: Path) -> None:
    (tmp_path / "a.key").write_text("one")
    run(tmp_path, "copy", GROUP, "/a.key")
    directory = tmp_path / "run/kubernetes" / GROUP
    assert directory.stat().st_mode & 0o777 == 0o750
    assert directory.parent.stat().st_mode & 0o777 == 0o755
    assert (directory / "a.key").stat().st_mode & 0o777 == 0o440
    assert (directory / "a.key").read_text() == "one"


def test_changed_file_replaces_its_copy_at_once(tmp_path: Path) -> None:
    """A service that reads the copy while it changes sees the whole earlier content."""
    (tmp_path / "a.key").write_text("one")
    run(tmp_path, "copy", GROUP, "/a.key")
    copy = tmp_path / "run/kubernetes" / GROUP / "a.key"
    with copy.open() as opened:
        (tmp_path / "a.key").write_text("two")
        run(tmp_path, "copy", GROUP, "/a.key")
        assert opened.read() == "one"
    assert copy.read_text() == "two"
    assert [path.name for path in copy.parent.iterdir()] == ["a.key"]


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    assert run(tmp_path, "copy", GROUP, "/missing.key", check=False).returncode != 0


def test_remove_deletes_all_copies(tmp_path: Path) -> None:
    (tmp_path / "a.key").write_text("one")
    run(tmp_path, "copy", GROUP, "/a.key")
    run(tmp_path, "remove", GROUP)
    assert not (tmp_path / "run/kubernetes" / GROUP).exists()
