"""The Gateway API, which Traefik serves beside Ingress objects [H4].

The definitions are those of the standard channel, in the version that the go.mod of Traefik names. They have
no descriptions, which are five sixths of their size. https://gateway-api.sigs.k8s.io/
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pulumi import Resource, ResourceOptions
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components.addons.definitions import create_definitions
from components.addons.ingress_pods import WEB, WEBSECURE
from components.api import Api
from components.rbac import ALL_CHANGES, READ, Rule, aggregated_to, cluster_role
from topology.ingress import CLASS, GATEWAY, NAMESPACE, Ingress

GROUP = "gateway.networking.k8s.io"
_API_VERSION = f"{GROUP}/v1"
_DEFINITIONS = Path(__file__).with_name("gateway_api_crds.json")
_MANAGER = {"pulumi.com/patchFieldManager": "kubewright"}
"""The definitions remain when the setting is removed. With this fixed name, Kubewright can change them after
the setting is added again. The API server still refuses changes of definitions that others installed.
"""
_ROUTES = ("httproutes", "grpcroutes", "tlsroutes")
_OF_ROUTES = (*_ROUTES, "backendtlspolicies", "referencegrants")
"""The resources that the owner of a namespace uses."""

# The rules of upstream (docs/content/reference/dynamic-configuration/kubernetes-gateway-rbac.yml of Traefik)
# without the verb get, because Traefik only watches, and without objects that it does not use here.
CONTROLLER_RULES = (
    Rule("", ("namespaces", "configmaps"), ("list", "watch")),
    Rule(GROUP, ("gatewayclasses", "gateways", *_OF_ROUTES), ("list", "watch")),
    Rule(
        GROUP,
        tuple(f"{name}/status" for name in ("gatewayclasses", "gateways", *_ROUTES, "backendtlspolicies")),
        ("update",),
    ),
)
VIEW_RULES = (Rule(GROUP, ("gateways", *_OF_ROUTES), READ),)
"""The rules that the roles view, edit and admin of Kubernetes get."""
EDIT_RULES = (Rule(GROUP, _OF_ROUTES, ALL_CHANGES),)
"""The rules that the roles edit and admin of Kubernetes get. A Gateway of a user would not have the
restrictions of the Gateway of the add-on.
"""


def create_gateway_api(
    name: str, ingress: Ingress, api: Api, parent: Resource, *, namespace: Resource
) -> list[Resource]:
    """Create the definitions, the GatewayClass, the Gateway and the permissions of users.

    `name` is the beginning of the names of the Pulumi resources, `namespace` that of the add-on. Return the
    resources that the pods need.
    """
    options = api.options(parent)
    documents: list[dict[str, Any]] = json.loads(_DEFINITIONS.read_text())
    # A deleted definition deletes all its objects, such as the routes of all users.
    kept = ResourceOptions.merge(options, ResourceOptions(retain_on_delete=True))
    definitions = list(create_definitions(name, map(_with_manager, _custom_resources(documents)), kept))
    after = api.options(parent, depends_on=[namespace, *definitions])
    _create_upgrade_policy(name, documents, options)
    for role, rules, roles in (
        ("view", VIEW_RULES, ("view", "edit", "admin")),
        ("edit", EDIT_RULES, ("edit", "admin")),
    ):
        cluster_role(
            f"{name}-gateway-{role}",
            f"kubewright:gateway-api:{role}",
            rules,
            options,
            labels=aggregated_to(*roles),
        )
    gateway_class = CustomResource(
        f"{name}-gateway-class",
        api_version=_API_VERSION,
        kind="GatewayClass",
        metadata=ObjectMetaArgs(name=CLASS),
        spec={"controllerName": "traefik.io/gateway-controller"},
        opts=after,
    )
    gateway = CustomResource(
        f"{name}-gateway",
        api_version=_API_VERSION,
        kind="Gateway",
        metadata=ObjectMetaArgs(name=GATEWAY, namespace=NAMESPACE),
        spec={"gatewayClassName": CLASS, "listeners": _listeners(ingress)},
        opts=after,
    )
    return [*definitions, gateway_class, gateway]


def _custom_resources(documents: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return (document for document in documents if document["kind"] == "CustomResourceDefinition")


def _with_manager(document: dict[str, Any]) -> dict[str, Any]:
    metadata = document["metadata"]
    return {**document, "metadata": {**metadata, "annotations": {**metadata["annotations"], **_MANAGER}}}


def _create_upgrade_policy(name: str, documents: list[dict[str, Any]], opts: ResourceOptions) -> None:
    """Create upstream's admission policy. It refuses definitions of the experimental channel and of versions
    before 1.6, which could not read all existing routes.
    """
    for document in documents:
        kind = document["kind"]
        if kind != "CustomResourceDefinition":
            suffix = "policy-binding" if kind.endswith("Binding") else "policy"
            CustomResource(
                f"{name}-gateway-{suffix}",
                api_version=document["apiVersion"],
                kind=kind,
                metadata=ObjectMetaArgs(**document["metadata"]),
                spec=document["spec"],
                opts=opts,
            )


def _listeners(ingress: Ingress) -> list[dict[str, Any]]:
    """Return the listeners of the Gateway, on the ports of Traefik's pods, as Traefik requires.

    Each listener for HTTPS needs a certificate, so without a default certificate there is no such listener.
    """
    namespaces: dict[str, Any] = {"from": "All"}
    if ingress.gateway_namespaces:
        labels = dict(ingress.gateway_namespaces)
        namespaces = {"from": "Selector", "selector": {"matchLabels": labels}}
    allowed = {"allowedRoutes": {"namespaces": namespaces}}
    listeners = [{"name": "web", "port": WEB, "protocol": "HTTP", **allowed}]
    if ingress.default_certificate:
        reference = {"group": "", "kind": "Secret", "name": ingress.default_certificate}
        tls = {"mode": "Terminate", "certificateRefs": [reference]}
        listeners.append({"name": "websecure", "port": WEBSECURE, "protocol": "HTTPS", "tls": tls, **allowed})
    return listeners
