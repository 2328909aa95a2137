"""Ingress objects for the web pages of add-ons, which `addons.ingress` serves over HTTPS only [H4]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi_kubernetes.networking.v1 as networking
from pulumi import Resource, ResourceOptions
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from components.addons.ingress_pods import LABELS as INGRESS_LABELS
from topology.ingress import CLASS
from topology.ingress import NAMESPACE as INGRESS_NAMESPACE
from topology.web_access import WebAccess

CERTIFICATE = "web-certificate"
"""The end of the name of the Secret with the certificate, which cert-manager creates."""
_HTTPS_ONLY = {
    # Traefik serves an Ingress over HTTP too unless an annotation names its entry point.
    "traefik.ingress.kubernetes.io/router.entrypoints": "websecure",
    # The engine would wait for an address, which Traefik on the nodes of a pool does not report.
    "pulumi.com/skipAwait": "true",
}


def create_web_access(
    name: str, web: WebAccess, service: str, namespace: str, opts: ResourceOptions
) -> Resource:
    """Create the Ingress for the port 80 of a service. `name` is the name of the Pulumi resource.

    With an issuer, cert-manager issues and renews the certificate of the name.
    """
    issued = {"cert-manager.io/cluster-issuer": web.issuer, "cert-manager.io/private-key-algorithm": "ECDSA"}
    tls = networking.IngressTLSArgs(
        hosts=[web.host], secret_name=f"{service}-{CERTIFICATE}" if web.issuer else None
    )
    backend = networking.IngressBackendArgs(
        service=networking.IngressServiceBackendArgs(
            name=service, port=networking.ServiceBackendPortArgs(number=80)
        )
    )
    path = networking.HTTPIngressPathArgs(path="/", path_type="Prefix", backend=backend)
    rule = networking.IngressRuleArgs(host=web.host, http=networking.HTTPIngressRuleValueArgs(paths=[path]))
    return networking.Ingress(
        name,
        metadata=ObjectMetaArgs(
            name=service,
            namespace=namespace,
            annotations={**_HTTPS_ONLY, **(issued if web.issuer else {})},
        ),
        spec=networking.IngressSpecArgs(ingress_class_name=CLASS, rules=[rule], tls=[tls]),
        opts=opts,
    )


def create_web_policy(
    name: str,
    policy: str,
    namespace: str,
    labels: Mapping[str, str],
    ports: Sequence[int],
    opts: ResourceOptions,
) -> Resource:
    """Create the NetworkPolicy that opens the `ports` of pods with `labels` to Traefik, and no other port.

    Nodes can always connect to their own pods.
    """
    peer = networking.NetworkPolicyPeerArgs(
        namespace_selector=LabelSelectorArgs(match_labels={"kubernetes.io/metadata.name": INGRESS_NAMESPACE}),
        pod_selector=LabelSelectorArgs(match_labels=INGRESS_LABELS),
    )
    opened = [networking.NetworkPolicyPortArgs(port=port, protocol="TCP") for port in ports]
    rules = [networking.NetworkPolicyIngressRuleArgs(from_=[peer], ports=opened)] if opened else []
    return networking.NetworkPolicy(
        name,
        metadata=ObjectMetaArgs(name=policy, namespace=namespace),
        spec=networking.NetworkPolicySpecArgs(
            pod_selector=LabelSelectorArgs(match_labels=labels), policy_types=["Ingress"], ingress=rules
        ),
        opts=opts,
    )
