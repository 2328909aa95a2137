"""Tests of a real API server on loopback with settings that most clusters do not have: two issuers, webhooks
that decide about requests, limits for events, enabled and disabled admission plugins.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from assembly import build_topology
from nodeconfig import bundles
from nodeconfig.host_paths import ADMIN_KUBECONFIG, BIN
from settings import load
from testkit import pods
from testkit.authorization_webhook import Webhook, serve_webhook
from testkit.bundles import FakeIndex
from testkit.control_plane import ControlPlane, binary_path
from testkit.oidc import Issuer, serve_issuer
from testkit.wait import eventually
from tests.lab.test_api_server import RELOAD_SECONDS, Server
from tests.unit.nodeconfig.test_bundles import unit_flags
from tests.unit.settings.support import TWO_WORKERS, with_edits
from topology.model import Role

FLAGS = (
    *("authentication-config", "authorization-config", "admission-control-config-file", "allow-privileged"),
    *("enable-admission-plugins", "disable-admission-plugins"),
)
"""The flags of kube-apiserver under test, with the values of the unit."""
BURST = 5
LIMITS = (
    {"type": "Namespace", "qps": 1, "burst": BURST, "cache_size": 10},
    {"type": "Server", "qps": 5000, "burst": 5000},
    {"type": "User", "qps": 5000, "burst": 5000},
    {"type": "SourceAndObject", "qps": 5000, "burst": 5000},
)
PODS = "/api/v1/namespaces/team/pods"
QUIET_PODS = "/api/v1/namespaces/quiet/pods"
REASON = "mallory is on the list"
SHORT = {"authorized_ttl": "1s", "unauthorized_ttl": "1s"}
CACHE_SECONDS = 1.5


def gate(spec: dict[str, Any]) -> dict[str, Any]:
    """Deny the requests of a user whom RBAC allows. Have no opinion about others."""
    denied = spec.get("user") == "corp:mallory"
    return {"allowed": False, "denied": denied, "reason": REASON if denied else ""}


def guest(spec: dict[str, Any]) -> dict[str, Any]:
    """Allow the requests of a user whom RBAC does not allow."""
    return {"allowed": spec.get("user") == "partner:bob"}


@dataclass
class Site:
    """A running API server, its two issuers and its two webhooks."""

    plane: ControlPlane
    corp: Issuer
    partner: Issuer
    gate: Webhook
    guest: Webhook

    def write_files(self, **edits: object) -> tuple[dict[str, str], str]:
        """Write the configuration files. Return the flags, and the sh condition of a healthy API server.

        `edits` replace settings of webhooks by name; None removes the webhook.
        """
        webhooks = {name: {**webhook, **SHORT} for name, webhook in self._webhooks(edits).items()}
        topology = build_topology(
            load(with_edits(TWO_WORKERS, {"api": self._api(webhooks)})),
            files={
                "corp": self.corp.ca_file.read_text(),
                "partner": self.partner.ca_file.read_text(),
                "~/.ssh/known_hosts": "",
            },
        )
        bundle = bundles(topology, FakeIndex())["cp-1", Role.CONTROL_PLANE]
        contents = {f"authorization-{name}.conf": webhooks[name]["kubeconfig"] for name in webhooks}
        names = {"admission.json", "authentication.json", "authorization.json"}
        contents |= {
            Path(file.path).name: self._here(file.content)
            for file in bundle.files
            if Path(file.path).name in names
        }
        for name, content in contents.items():
            place = self.plane.directory / name
            # As the host program does: a new file replaces the old one.
            place.with_suffix(".new").write_text(str(content))
            os.replace(place.with_suffix(".new"), place)
        [service] = [item for item in bundle.services if item.unit == "kube-apiserver.service"]
        flags = unit_flags(bundle, "kube-apiserver")
        return {name: self._here(flags[name]) for name in FLAGS if name in flags}, self._here(service.ready)

    def _webhooks(self, edits: dict[str, Any]) -> dict[str, dict[str, Any]]:
        webhooks: dict[str, dict[str, Any]] = {
            "gate": {
                "kubeconfig": self.gate.kubeconfig,
                "failure_policy": "Deny",
                "can_deny": True,
                "match_conditions": ["!('system:nodes' in request.groups)"],
            },
            "guest": {
                "kubeconfig": self.guest.kubeconfig,
                "failure_policy": "NoOpinion",
                "match_conditions": ["request.user.startsWith('partner:')"],
            },
        }
        return {
            name: webhook | (edits.get(name) or {})
            for name, webhook in webhooks.items()
            if edits.get(name, {}) is not None
        }

    def _api(self, webhooks: dict[str, dict[str, Any]]) -> dict[str, Any]:
        def issuer(name: str, url: str) -> dict[str, Any]:
            claims = {"username": "sub", "groups": "groups"}
            mappings = {field: {"claim": claim, "prefix": f"{name}:"} for field, claim in claims.items()}
            return {"url": url, "ca_file": name, "audiences": [name], **mappings}

        return {
            "oidc": {
                "corp": issuer("corp", self.corp.url),
                "partner": issuer("partner", self.partner.url),
            },
            "authorization_webhooks": webhooks,
            "event_rate_limits": list(LIMITS),
            "admission_plugins": ["AlwaysPullImages"],
            "disabled_admission_plugins": ["DefaultTolerationSeconds"],
        }

    def _here(self, text: str) -> str:
        """Return a text of a host with the paths of this machine."""
        text = text.replace(ADMIN_KUBECONFIG, f"{self.plane.directory}/kubeconfig")
        text = text.replace(f"{BIN}/kubectl", binary_path("kubectl"))
        pattern = r"/(?:etc/kubernetes/pki|etc/kubernetes|run/kubernetes/kube-apiserver)/([\w.-]+)"
        return re.sub(pattern, rf"{self.plane.directory}/\1", text)

    def status(self, token: str, path: str = PODS) -> int:
        """Return the status of a GET request with a token."""
        return Server(self.plane, self.corp).request(path, token)[0]

    def post(self, token: str, path: str, body: object) -> tuple[int, Any]:
        """Send a POST request with a token. Return the status and the answer."""
        return Server(self.plane, self.corp).request(path, token, body)

    def user(self, name: str, *groups: str) -> str:
        """Return a token for `<issuer>:<user>`."""
        issuer, _, subject = name.partition(":")
        issuers = {"corp": self.corp, "partner": self.partner}
        return issuers[issuer].token(sub=subject, aud=issuer, groups=list(groups))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Yield an API server with the settings, and namespaces. The group `corp:staff` may view everything."""
    plane = ControlPlane(tmp_path_factory.mktemp("plane"))
    with (
        serve_issuer(tmp_path_factory.mktemp("corp")) as corp,
        serve_issuer(tmp_path_factory.mktemp("partner")) as partner,
        serve_webhook(plane.directory, "gate", gate) as denying,
        serve_webhook(plane.directory, "guest", guest) as allowing,
    ):
        site = Site(plane, corp, partner, denying, allowing)
        flags, ready = site.write_files()
        assert len(flags) == len(FLAGS)
        plane.api_flags = tuple(f"--{name}={value}" for name, value in flags.items())
        with plane:
            eventually("the server is ready and has loaded its files", lambda: succeeds(ready), timeout=60)
            for name in ("team", "noisy", "quiet"):
                plane.kubectl("create", "namespace", name)
            for role, group in (("view", "corp:staff"), ("cluster-admin", "corp:ops")):
                words = (f"--clusterrole={role}", f"--group={group}")
                plane.kubectl("create", "clusterrolebinding", f"{role}-of-corp", *words)
            eventually("the keys of the issuers", lambda: knows_issuers(site), timeout=60)
            yield site


def knows_issuers(site: Site) -> bool:
    return all(site.status(site.user(name), "/api") == 200 for name in ("corp:ada", "partner:eve"))


def succeeds(script: str) -> bool:
    return subprocess.run(["sh", "-c", script], capture_output=True, timeout=60, check=False).returncode == 0


def test_each_issuer_has_its_own_users_and_audience(site: Site) -> None:
    for name in ("corp:ada", "partner:ada"):
        status, user = Server(site.plane, site.corp).identity(site.user(name, "staff"))
        assert status == 201
        assert user["username"] == name
        assert f"{name.partition(':')[0]}:staff" in user["groups"]
    assert site.status(site.partner.token(sub="ada", aud="corp")) == 401, "the audience of the other"
    forged = site.partner.token(iss=site.corp.url, sub="ada", aud="corp", groups=["staff"])
    assert site.status(forged) == 401, "the key of the other"
    assert site.status(site.user("corp:ada", "staff")) == 200
    assert site.status(site.user("partner:ada", "staff")) == 403, "the group of the other"


def test_webhooks_deny_before_rbac_and_allow_after_it(site: Site) -> None:
    staff = site.user("corp:mallory", "staff")
    status, answer = Server(site.plane, site.corp).request(PODS, staff)
    assert status == 403
    assert REASON in answer["message"]
    assert site.status(site.user("partner:bob")) == 200
    assert site.status(site.user("partner:eve")) == 403
    assert "corp:mallory" in site.gate.users
    assert "admin" not in site.gate.users, "members of system:masters need no decision"
    assert site.guest.users
    assert all(user.startswith("partner:") for user in site.guest.users), "requests without the condition"


def test_failing_webhooks_follow_their_failure_policies(site: Site) -> None:
    """A request that is not allowed because a webhook failed has the status 500."""
    try:
        site.guest.broken = True
        assert site.status(site.user("partner:bob"), QUIET_PODS) == 500, "no authorizer allows it"
        assert site.status(site.user("corp:ada", "staff"), QUIET_PODS) == 200
        site.gate.broken = True
        assert site.status(site.user("corp:carl", "staff")) == 500, "the failure denies it"
        assert "team" in site.plane.kubectl("get", "namespaces"), "the administrator needs no webhook"
    finally:
        site.gate.broken = site.guest.broken = False
    assert site.status(site.user("corp:carl", "staff")) == 200
    time.sleep(CACHE_SECONDS)
    assert site.status(site.user("partner:bob"), QUIET_PODS) == 200


def test_changed_webhooks_apply_without_a_restart(site: Site) -> None:
    processes = [process.pid for process in site.plane.processes]
    try:
        _, ready = site.write_files(gate=None)
        eventually("the new file is loaded", lambda: succeeds(ready), timeout=RELOAD_SECONDS)
        assert site.status(site.user("corp:mallory", "staff")) == 200
        _, ready = site.write_files(gate={"match_conditions": ["request.team == 'x'"]})
        log = site.plane.directory / "kube-apiserver.log"
        eventually("the mistake is logged", lambda: "undefined field 'team'" in log.read_text(), timeout=90)
        assert not succeeds(ready)
        assert site.status(site.user("corp:mallory", "staff")) == 200, "the previous file applies"
    finally:
        _, ready = site.write_files()
        eventually("the old file is loaded", lambda: succeeds(ready), timeout=RELOAD_SECONDS)
    assert site.status(site.user("corp:mallory", "staff")) == 403
    assert [process.pid for process in site.plane.processes] == processes
    assert all(process.poll() is None for process in site.plane.processes)


def test_events_above_the_limit_of_a_namespace_are_refused(site: Site) -> None:
    token = site.user("corp:otto", "ops")

    def create(namespace: str, number: int) -> tuple[int, Any]:
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"namespace": namespace, "name": f"event-{number}"},
            "involvedObject": {"kind": "Pod", "namespace": namespace, "name": "x"},
            "reason": "Test",
        }
        return site.post(token, f"/api/v1/namespaces/{namespace}/events", event)

    answers = [create("noisy", number) for number in range(6 * BURST)]
    statuses = [status for status, _ in answers]
    assert statuses[:BURST] == [201] * BURST
    assert set(statuses) == {201, 429}
    refused = next(answer for status, answer in answers if status == 429)
    assert "limit reached on type Namespace for key noisy" in refused["message"], refused
    assert create("quiet", 0)[0] == 201


def test_admission_plugins_are_enabled_and_disabled(site: Site) -> None:
    """By default pods get tolerations with a time, and the pull policy of a tagged image is IfNotPresent."""
    eventually(
        "the namespace has a service account",
        lambda: "default" in site.plane.kubectl("get", "serviceaccounts", "-n", "team"),
        timeout=60,
    )
    pod = json.dumps(pods.pod("team", "pod", pods.spec(pods.container("true"))))
    created = site.plane.kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", stdin=pod)
    spec = json.loads(created)["spec"]
    assert "tolerations" not in spec
    assert [item["imagePullPolicy"] for item in spec["containers"]] == ["Always"]
