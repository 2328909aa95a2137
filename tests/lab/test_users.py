"""Tests of users with a real API server and signer on loopback: a user gets and loses access."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from cryptography import x509

from artifacts import acquire, catalogue
from artifacts.cache import Cache
from artifacts.progress import Progress
from automation.environment import Environment
from automation.errors import UserError
from automation.operations import users
from automation.operations.target import Target
from automation.operations.users import User
from testkit.control_plane import ControlPlane

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")
ANN = User(name="ann", groups=("dev",), namespace="web", role="edit", days=1)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Yield a stack with a control plane on this machine, which has a namespace `web`."""
    directory = tmp_path_factory.mktemp("users")
    environment = Environment(state=directory / "state", cache=directory / "cache")
    environment.tools.mkdir(parents=True)
    for name in PROGRAMS:
        program = acquire.fetch_or_build(catalogue.binary(name), Cache.default(), Progress())
        (environment.tools / name).symlink_to(program)
    before = os.environ.get("KUBEWRIGHT_BIN")
    os.environ["KUBEWRIGHT_BIN"] = str(environment.tools)
    plane = ControlPlane(tmp_path_factory.mktemp("plane"))
    try:
        plane.start()
        environment.stack_directory("t").mkdir(parents=True)
        environment.kubeconfig("t").write_text(plane.kubeconfig)
        plane.kubectl("create", "namespace", "web")
        yield cast(Target, SimpleNamespace(environment=environment, stack="t"))
    finally:
        plane.stop()
        del os.environ["KUBEWRIGHT_BIN"]
        if before is not None:
            os.environ["KUBEWRIGHT_BIN"] = before


def is_allowed(target: Target, kubeconfig: Path, *words: str) -> bool:
    """Check whether a kubectl command succeeds with a kubeconfig."""
    argv = [str(target.environment.tools / "kubectl"), f"--kubeconfig={kubeconfig}", *words]
    return subprocess.run(argv, capture_output=True, timeout=30, check=False).returncode == 0


def wait_until_allowed(target: Target, kubeconfig: Path, allowed: bool) -> None:
    """Wait until the user may (or may not) list pods: the API server receives bindings with a delay."""
    deadline = time.monotonic() + 15
    while is_allowed(target, kubeconfig, "get", "pods") != allowed:
        assert time.monotonic() < deadline, f"pods may {'not ' if allowed else ''}be listed after 15 s"
        time.sleep(0.3)


def test_user_has_access_to_one_namespace_only(target: Target, tmp_path: Path) -> None:
    kubeconfig = users.issue(target, ANN, tmp_path / "ann")
    assert kubeconfig.stat().st_mode & 0o777 == 0o600
    wait_until_allowed(target, kubeconfig, True)
    assert is_allowed(target, kubeconfig, "create", "configmap", "a")
    assert not is_allowed(target, kubeconfig, "get", "pods", "--namespace=default")
    assert not is_allowed(target, kubeconfig, "get", "nodes")
    certificate = client_certificate(kubeconfig)
    assert [item.value for item in certificate.subject][-1] == "ann"
    remaining = certificate.not_valid_after_utc - datetime.now(UTC)
    assert timedelta(hours=23) < remaining <= timedelta(days=1)
    assert users.KubernetesApi(target.environment, "t").get("csr")["items"] == []


def test_revoked_kubeconfig_never_works_again(target: Target, tmp_path: Path) -> None:
    old = users.issue(target, ANN, tmp_path / "old")
    wait_until_allowed(target, old, True)
    assert users.revoke(target, "ann") == 0
    wait_until_allowed(target, old, False)
    new = users.issue(target, ANN, tmp_path / "new")
    wait_until_allowed(target, new, True)
    assert not is_allowed(target, old, "get", "pods"), "a revoked certificate has access again"
    assert users.revoke(target, "ann") == 0
    assert users.revoke(target, "ann") == 1


def test_remaining_bindings_of_the_stack_file_are_named(
    target: Target, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    users.issue(target, ANN, tmp_path / "ann")
    api = users.KubernetesApi(target.environment, "t")
    api.kubectl("create", "clusterrolebinding", "devs", "--clusterrole=view", "--group=dev")
    users.revoke(target, "ann")
    api.kubectl("delete", "clusterrolebinding", "devs")
    assert "still bound by the stack file: ClusterRoleBinding devs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("user", "phrase"),
    [
        (User("bob", (), "nowhere", "edit", 3), "namespace nowhere: not in the cluster"),
        (User("bob", (), "web", "king", 3), "clusterrole king: not in the cluster"),
    ],
)
def test_missing_namespace_or_role_is_reported_before_a_certificate_is_issued(
    target: Target, tmp_path: Path, user: User, phrase: str
) -> None:
    with pytest.raises(UserError, match=phrase):
        users.issue(target, user, tmp_path / "bob")
    assert not (tmp_path / "bob").exists()


def client_certificate(kubeconfig: Path) -> x509.Certificate:
    """Return the client certificate in a kubeconfig."""
    user = json.loads(kubeconfig.read_text())["users"][0]["user"]
    return x509.load_pem_x509_certificate(base64.b64decode(user["client-certificate-data"]))
