"""Tests of a real API server on loopback with the policy files of Kubewright: OpenID Connect, anonymous
requests, Pod Security, audit log, reload.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pytest
import urllib3

from assembly import build_topology
from nodeconfig import bundles
from nodeconfig.api_policies import ADMISSION, AUDIT_POLICY
from nodeconfig.authentication import AUTHENTICATION
from nodeconfig.host_paths import ADMIN_KUBECONFIG, BIN
from settings import load
from testkit import pods
from testkit.bundles import FakeIndex
from testkit.control_plane import ControlPlane, binary_path
from testkit.oidc import Algorithm, Issuer, serve_issuer
from testkit.wait import eventually
from tests.unit.settings.support import TWO_WORKERS, with_edits
from topology.model import Role

PREFIX = "corp:"
EXEMPT = "storage"
RELOAD_SECONDS = 90
"""An API server notices a changed file at once, or after a minute."""


@dataclass
class Server:
    """A running API server, the issuer that it trusts, and the files of Kubewright in its directory."""

    plane: ControlPlane
    issuer: Issuer

    def write_files(self, **edits: object) -> str:
        """Write the policy files for an issuer with these changes. Return the condition that the server is
        healthy.
        """
        files, ready = policy_files(self.issuer, **edits)
        for path, content in files.items():
            place = self.plane.directory / Path(path).name
            # As the host program does: a new file replaces the old one.
            place.with_suffix(".new").write_text(content)
            os.replace(place.with_suffix(".new"), place)
            ready = ready.replace(path, str(place))
        kubeconfig = str(self.plane.directory / "kubeconfig")
        return ready.replace(ADMIN_KUBECONFIG, kubeconfig).replace(f"{BIN}/kubectl", binary_path("kubectl"))

    def request(self, path: str, token: str = "", body: object = None) -> tuple[int, Any]:
        """Send a request with a token. Return the status, and the document or text in the answer."""
        pool = urllib3.PoolManager(ca_certs=str(self.plane.directory / "ca.crt"), retries=False)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = pool.request(
            "GET" if body is None else "POST",
            f"{self.plane.server}{path}",
            headers=headers,
            json=body,
            timeout=10,
        )
        text = answer.data.decode()
        return answer.status, json.loads(text) if text.startswith("{") else text

    def identity(self, token: str) -> tuple[int, dict[str, Any]]:
        """Return the status, and the name and groups that the API server finds in a token."""
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        status, answer = self.request("/apis/authentication.k8s.io/v1/selfsubjectreviews", token, review)
        return status, answer["status"]["userInfo"] if status == 201 else {}


def policy_files(issuer: Issuer, **edits: object) -> tuple[dict[str, str], str]:
    """Return the policy files by their paths on hosts, and the sh condition of a healthy API server."""
    settings = {
        "url": issuer.url,
        "ca_file": "ca",
        "audiences": ["kubernetes"],
        "username": {"claim": "sub", "prefix": PREFIX},
        "groups": {"claim": "groups", "prefix": ""},
        **edits,
    }
    api = {"oidc": {"corp": settings}, "pod_security_exempt_namespaces": [EXEMPT]}
    topology = build_topology(
        load(with_edits(TWO_WORKERS, {"api": api})),
        files={"ca": issuer.ca_file.read_text(), "~/.ssh/known_hosts": ""},
    )
    bundle = bundles(topology, FakeIndex())["cp-1", Role.CONTROL_PLANE]
    [service] = [item for item in bundle.services if item.unit == "kube-apiserver.service"]
    paths = (ADMISSION, AUDIT_POLICY, AUTHENTICATION)
    return {file.path: file.content for file in bundle.files if file.path in paths}, service.ready


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Yield an API server with the policy files, and namespaces with and without Pod Security."""
    directory = tmp_path_factory.mktemp("plane")
    flags = (
        f"--authentication-config={directory}/authentication.json",
        f"--admission-control-config-file={directory}/admission.json",
        f"--audit-policy-file={directory}/audit-policy.json",
        f"--audit-log-path={directory}/audit.log",
        "--enable-admission-plugins=NodeRestriction,PodSecurity,DenyServiceExternalIPs",
        "--allow-privileged=true",
    )
    with serve_issuer(tmp_path_factory.mktemp("issuer")) as issuer:
        plane = ControlPlane(directory, api_flags=flags)
        server = Server(plane, issuer)
        server.write_files()
        with plane:
            for name in (EXEMPT, "team"):
                plane.kubectl("create", "namespace", name)
            eventually("service accounts", lambda: _have_service_accounts(plane), timeout=60)
            plane.kubectl("create", "clusterrolebinding", "staff", "--clusterrole=view", "--group=staff")
            eventually(
                "keys of the issuer",
                lambda: server.identity(issuer.token(sub="ada"))[0] == 201,
                timeout=60,
            )
            yield server


@pytest.mark.parametrize("algorithm", get_args(Algorithm))
def test_token_of_the_issuer_is_a_user_with_groups(server: Server, algorithm: Algorithm) -> None:
    token = server.issuer.token(algorithm, sub="ada", groups=["staff"])
    status, user = server.identity(token)
    assert status == 201
    assert user["username"] == f"{PREFIX}ada"
    assert set(user["groups"]) == {"staff", "system:authenticated"}
    assert server.request("/api/v1/namespaces/team/pods", token)[0] == 200
    assert server.request("/api/v1/namespaces/team/secrets", token)[0] == 403


def test_tokens_of_other_issuers_audiences_keys_and_times_are_refused(server: Server) -> None:
    issuer = server.issuer
    assert server.identity(issuer.token(sub="ada", aud="other"))[0] == 401
    assert server.identity(issuer.token(sub="ada", exp=1))[0] == 401
    assert server.identity(issuer.token(sub="ada", iss="https://other.example"))[0] == 401
    header, claims, signature = issuer.token(sub="ada").split(".")
    other = issuer.token(sub="eve").split(".")[1]
    assert server.identity(f"{header}.{other}.{signature}")[0] == 401
    assert server.identity(f"{header}.{claims}.{signature}")[0] == 201


@pytest.mark.parametrize("group", ["system:masters", "system:nodes", "kubewright:kubelet-api-clients"])
def test_issuer_without_prefix_cannot_name_groups_of_the_system(server: Server, group: str) -> None:
    token = server.issuer.token(sub="eve", groups=["staff", group])
    assert server.identity(token)[0] == 401


def test_anonymous_requests_reach_only_health_checks(server: Server) -> None:
    assert [server.request(path)[0] for path in ("/livez", "/readyz", "/healthz")] == [200, 200, 200]
    assert [server.request(path)[0] for path in ("/version", "/api", "/metrics", "/openapi/v2")] == [401] * 4


def test_changed_issuer_applies_without_restart(server: Server) -> None:
    """Use each token once: an API server keeps the user of a token for ten seconds, also across a reload.

    Source: TokenSuccessCacheTTL in pkg/kubeapiserver/options/authentication.go of Kubernetes.
    """
    processes = [process.pid for process in server.plane.processes]
    try:
        ready = server.write_files(username={"claim": "sub", "prefix": "new:"})
        eventually("the new file is loaded", lambda: _succeeds(ready), timeout=RELOAD_SECONDS)
        assert server.identity(server.issuer.token(sub="ada", jti="new"))[1]["username"] == "new:ada"
    finally:
        ready = server.write_files()
        eventually("the old file is loaded", lambda: _succeeds(ready), timeout=RELOAD_SECONDS)
    assert server.identity(server.issuer.token(sub="ada", jti="old"))[1]["username"] == f"{PREFIX}ada"
    assert [process.pid for process in server.plane.processes] == processes
    assert all(process.poll() is None for process in server.plane.processes)


def test_mistake_in_an_expression_is_found_and_keeps_the_previous_issuers(server: Server) -> None:
    token = server.issuer.token(sub="ada")
    log = server.plane.directory / "kube-apiserver.log"
    try:
        ready = server.write_files(user_validation_rules=[{"expression": "user.name == 'ada'"}])
        eventually("the mistake is logged", lambda: "undefined field 'name'" in log.read_text(), timeout=90)
        assert not _succeeds(ready)
        assert server.identity(token)[0] == 201
    finally:
        ready = server.write_files()
        eventually("the old file is loaded", lambda: _succeeds(ready), timeout=RELOAD_SECONDS)


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ({"hostNetwork": True}, "host namespaces (hostNetwork=true)"),
        ({"volumes": [{"name": "etc", "hostPath": {"path": "/etc"}}]}, "hostPath volumes (volume"),
        ({"privileged": True}, "privileged (container"),
    ],
)
def test_pod_security_decides_about_privileged_pods(
    server: Server, field: dict[str, Any], words: str
) -> None:
    main = pods.container("sleep 1")
    if field == {"privileged": True}:
        main["securityContext"] = {"privileged": True}
        field = {}
    command = ("create", "--dry-run=server", "-f", "-")
    pod = json.dumps(pods.pod(EXEMPT, "privileged", pods.spec(main, **field)))
    assert "created" in server.plane.kubectl(*command, stdin=pod)
    with pytest.raises(AssertionError) as refused:
        server.plane.kubectl(*command, stdin=pod.replace(f'"{EXEMPT}"', '"team"'))
    assert 'violates PodSecurity "baseline:latest"' in str(refused.value)
    assert words in str(refused.value)


def test_service_with_external_addresses_is_refused(server: Server) -> None:
    """Its editor could otherwise receive the traffic to the endpoint of the API."""
    service = pods.service("team", "thief")
    service["spec"]["externalIPs"] = ["10.9.0.11"]
    with pytest.raises(AssertionError, match="Use of external IPs is denied by admission control"):
        server.plane.kubectl("create", "-f", "-", stdin=json.dumps(service))


def test_audit_log_shows_who_changed_roles_but_no_secret(server: Server) -> None:
    words = ("create", "secret", "generic", "-n", "team", "db", "--from-literal=password=s3cret-v4lue")
    server.plane.kubectl(*words)
    pod = pods.pod("team", "env", pods.spec(pods.container("true", env=[{"name": "A", "value": "l1teral"}])))
    server.plane.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))
    server.plane.kubectl("create", "role", "-n", "team", "aud1ted", "--verb=get", "--resource=pods")
    log = server.plane.directory / "audit.log"
    text = eventually(
        "the role is in the log", lambda: "aud1ted" in log.read_text() and log.read_text(), timeout=30
    )
    assert isinstance(text, str)
    events = [json.loads(line) for line in text.splitlines()]
    roles = [event for event in events if event.get("objectRef", {}).get("name") == "aud1ted"]
    assert any("requestObject" in event and event["user"]["username"] == "admin" for event in roles)
    assert "s3cret" not in text
    assert "czNjcmV0" not in text, "the secret in base64"
    assert "l1teral" not in text
    assert not any("responseObject" in event for event in events)


def _have_service_accounts(plane: ControlPlane) -> bool:
    """Check whether the controller manager has created the accounts without which no pod is accepted."""
    return all("default" in plane.kubectl("get", "serviceaccounts", "-n", name) for name in (EXEMPT, "team"))


def _succeeds(script: str) -> bool:
    return subprocess.run(["sh", "-c", script], capture_output=True, timeout=60, check=False).returncode == 0
