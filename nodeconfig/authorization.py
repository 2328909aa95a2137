"""Authorizers of kube-apiserver: Node, RBAC and webhooks [D4].

Webhooks need an AuthorizationConfiguration. Without webhooks, a flag selects Node and RBAC, because audit
tools such as kube-bench inspect the command line.
"""

from __future__ import annotations

from nodeconfig.bundle import File, SecretFile
from nodeconfig.component import json_file
from nodeconfig.host_paths import KUBERNETES, PKI
from nodeconfig.service_user import ServiceUser
from topology.authentication import AuthorizationWebhook
from topology.options import ControlPlaneOptions

_AUTHORIZATION = f"{KUBERNETES}/authorization.json"


def authorization_flags(options: ControlPlaneOptions) -> dict[str, str]:
    """Return the flag that selects the authorizers."""
    if options.webhooks:
        return {"authorization-config": _AUTHORIZATION}
    return {"authorization-mode": "Node,RBAC"}


def authorization_files(options: ControlPlaneOptions, reader: ServiceUser) -> tuple[File, ...]:
    """Return the AuthorizationConfiguration, which the API server reloads; empty without webhooks.

    `reader` is the user of the API server, who reads the kubeconfigs of the webhooks.
    """
    if not options.webhooks:
        return ()
    built_in: list[object] = [{"type": "Node", "name": "node"}, {"type": "RBAC", "name": "rbac"}]
    content: dict[str, object] = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthorizationConfiguration",
        "authorizers": [
            *(_authorizer(webhook, reader) for webhook in options.webhooks if webhook.can_deny),
            *built_in,
            *(_authorizer(webhook, reader) for webhook in options.webhooks if not webhook.can_deny),
        ],
    }
    return (json_file(_AUTHORIZATION, content, mode=0o644),)


def webhook_kubeconfigs(options: ControlPlaneOptions) -> tuple[SecretFile, ...]:
    """Return the kubeconfigs of webhooks. API servers read them only with the AuthorizationConfiguration."""
    return tuple(SecretFile(_kubeconfig(webhook), webhook.secret) for webhook in options.webhooks)


def _kubeconfig(webhook: AuthorizationWebhook) -> str:
    return f"{PKI}/{webhook.secret}.conf"


def _authorizer(webhook: AuthorizationWebhook, reader: ServiceUser) -> dict[str, object]:
    conditions: dict[str, object] = {}
    if webhook.match_conditions:
        conditions = {
            "matchConditionSubjectAccessReviewVersion": "v1",
            "matchConditions": [{"expression": condition} for condition in webhook.match_conditions],
        }
    return {
        "type": "Webhook",
        "name": webhook.name,
        "webhook": {
            "timeout": f"{webhook.timeout}s",
            "authorizedTTL": f"{webhook.authorized_ttl}s",
            "unauthorizedTTL": f"{webhook.unauthorized_ttl}s",
            "subjectAccessReviewVersion": "v1",
            "failurePolicy": webhook.failure_policy,
            "connectionInfo": {
                "type": "KubeConfigFile",
                "kubeConfigFile": reader.copy(_kubeconfig(webhook)),
            },
            **conditions,
        },
    }
