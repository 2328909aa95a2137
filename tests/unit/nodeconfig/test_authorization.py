"""Tests of the authorizers of the API server."""

from __future__ import annotations

from package.values import _PLACEHOLDER
from settings import load
from settings.secret_values import PLACEHOLDERS
from settings.stackfile import ENCRYPTED_PLACEHOLDER
from testkit.bundles import FakeIndex
from tests.unit.nodeconfig.test_api_policies import control_plane, policy_file
from tests.unit.nodeconfig.test_bundles import unit_flags
from tests.unit.settings.support import TWO_WORKERS, with_edits
from tests.unit.settings.wrong_authorization import WEBHOOK

KUBECONFIG_PATH = "/etc/kubernetes/pki/authorization-opa.conf"
DENYING = WEBHOOK | {
    "can_deny": True,
    "failure_policy": "Deny",
    "match_conditions": ["!('system:nodes' in request.groups)"],
    "timeout": "5s",
}


def test_node_and_rbac_decide_without_webhooks(index: FakeIndex) -> None:
    """Audit tools read the flag."""
    bundle = control_plane(index)
    flags = unit_flags(bundle, "kube-apiserver")
    assert flags["authorization-mode"] == "Node,RBAC"
    assert "authorization-config" not in flags
    paths = [*(file.path for file in bundle.files), *(file.path for file in bundle.secrets)]
    assert not any("authorization" in path for path in paths)


def test_webhooks_that_can_deny_precede_node_and_rbac(index: FakeIndex) -> None:
    bundle = control_plane(index, {"authorization_webhooks": {"opa": WEBHOOK, "gate": DENYING}})
    flags = unit_flags(bundle, "kube-apiserver")
    assert flags["authorization-config"] == "/etc/kubernetes/authorization.json"
    assert "authorization-mode" not in flags
    authorizers = policy_file(bundle, "authorization")["authorizers"]
    assert [(item["type"], item["name"]) for item in authorizers] == [
        ("Webhook", "gate"),
        ("Node", "node"),
        ("RBAC", "rbac"),
        ("Webhook", "opa"),
    ]
    assert authorizers[0]["webhook"] == {
        "timeout": "5s",
        "authorizedTTL": "300s",
        "unauthorizedTTL": "30s",
        "subjectAccessReviewVersion": "v1",
        "failurePolicy": "Deny",
        "connectionInfo": {
            "type": "KubeConfigFile",
            "kubeConfigFile": "/run/kubernetes/kube-apiserver/authorization-gate.conf",
        },
        "matchConditionSubjectAccessReviewVersion": "v1",
        "matchConditions": [{"expression": "!('system:nodes' in request.groups)"}],
    }


def test_kubeconfig_of_a_webhook_is_secret_and_its_change_restarts_the_api_server(index: FakeIndex) -> None:
    """The API server reloads authorization.json, but it does not notice a changed kubeconfig."""
    bundle = control_plane(index, {"authorization_webhooks": {"opa": WEBHOOK}})
    [secret] = [file for file in bundle.secrets if file.path == KUBECONFIG_PATH]
    assert (secret.secret, secret.mode) == ("authorization-opa", 0o600)
    assert "t0ken" not in "".join(file.content for file in bundle.files)
    [service] = [item for item in bundle.services if item.unit == "kube-apiserver.service"]
    assert KUBECONFIG_PATH in service.restart_on
    assert "/etc/kubernetes/authorization.json" not in service.restart_on
    assert "apiserver_authorization_config_controller_last_config_info" in service.ready


def test_unknown_kubeconfigs_are_valid() -> None:
    """Checks without the passphrase load settings with placeholders."""
    assert {ENCRYPTED_PLACEHOLDER, _PLACEHOLDER} == PLACEHOLDERS
    for text in PLACEHOLDERS:
        edits = {"api.authorization_webhooks.opa": WEBHOOK | {"kubeconfig": text}}
        assert load(with_edits(TWO_WORKERS, edits)).api.authorization_webhooks
