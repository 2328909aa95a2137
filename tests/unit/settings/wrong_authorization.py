"""Invalid settings of authorization webhooks."""

from __future__ import annotations

from tests.unit.settings.support import InvalidSettings

KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters: [{name: webhook, cluster: {server: https://authz.example, certificate-authority-data: QUJD}}]
users: [{name: api, user: {token: t0ken}}]
contexts: [{name: webhook, context: {cluster: webhook, user: api}}]
current-context: webhook
"""
WEBHOOK: dict[str, object] = {"kubeconfig": KUBECONFIG, "failure_policy": "NoOpinion"}


def invalid_webhook(path: str, phrase: str, **edits: object) -> InvalidSettings:
    """Return settings whose webhook `opa` has a problem at `path` below the webhook."""
    full_path = f"api.authorization_webhooks.opa.{path}"
    return InvalidSettings(full_path, phrase, {"api.authorization_webhooks.opa": {**WEBHOOK, **edits}})


AUTHORIZATION = (
    invalid_webhook("kubeconfig", "not a kubeconfig with clusters and users", kubeconfig="authz.conf"),
    invalid_webhook(
        "kubeconfig", "has a server without https", kubeconfig=KUBECONFIG.replace("https://", "http://")
    ),
    invalid_webhook(
        "kubeconfig",
        "has no current-context",
        kubeconfig=KUBECONFIG.replace("current-context: webhook", ""),
    ),
    invalid_webhook(
        "kubeconfig",
        "refers to files that control planes do not have (certificate-authority); embed their content",
        kubeconfig=KUBECONFIG.replace("certificate-authority-data: QUJD", "certificate-authority: ca.crt"),
    ),
    invalid_webhook("failure_policy", '"Allow": unknown; allowed: NoOpinion, Deny', failure_policy="Allow"),
    invalid_webhook("timeout", '"31s": allowed: 1s to 30s', timeout="31s"),
    invalid_webhook("authorized_ttl", "must be longer than 0s", authorized_ttl="0s"),
    invalid_webhook(
        "match_conditions",
        "a failure of the webhook would deny the requests of nodes",
        failure_policy="Deny",
        can_deny=True,
    ),
    invalid_webhook("match_conditions[1]", "named twice", match_conditions=["true", "true"]),
    InvalidSettings(
        "api.authorization_webhooks.rbac",
        "an authorizer of Kubernetes has this name",
        {"api.authorization_webhooks.rbac": WEBHOOK},
    ),
)
