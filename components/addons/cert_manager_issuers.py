"""The ClusterIssuers of cert-manager, and the default certificate of the ingress [H4].

https://cert-manager.io/docs/reference/api-docs/
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi_kubernetes.core.v1 as core
import pulumi_kubernetes.networking.v1 as networking
import pulumi_tls as tls
from pulumi import Input, Output, Resource, ResourceOptions
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components.certificate_authority import self_signed_authority
from topology import ingress
from topology.cert_manager import (
    NAMESPACE,
    AcmeIssuer,
    GeneratedAuthority,
    GivenAuthority,
    Issuer,
)
from topology.dns_updates import Rfc2136, TsigAlgorithm

API_VERSION = "cert-manager.io/v1"
_TSIG_KEY = "tsig-secret-key"
_ALGORITHMS = {TsigAlgorithm.SHA256: "HMACSHA256", TsigAlgorithm.SHA512: "HMACSHA512"}


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerSecrets:
    """The secret values of issuers by the names of the issuers: keys of CAs, and secrets of TSIG keys."""

    authority_keys: Mapping[str, Input[str]]
    tsig_secrets: Mapping[str, Input[str]]


def secret_name(issuer: str) -> str:
    """Return the name of the Secret of an issuer, in the namespace of cert-manager."""
    return f"issuer-{issuer}"


def create_issuer(name: str, issuer: Issuer, secrets: IssuerSecrets, opts: ResourceOptions) -> CustomResource:
    """Create a ClusterIssuer and its Secret. `name` is the beginning of the names of the Pulumi resources."""
    after: list[Resource] = []
    if isinstance(issuer, AcmeIssuer):
        spec: dict[str, Any] = {"acme": _acme_spec(issuer)}
        if issuer.rfc2136:
            content = {_TSIG_KEY: Output.secret(secrets.tsig_secrets[issuer.name])}
            after.append(_create_secret(name, issuer.name, "Opaque", content, opts))
    else:
        spec = {"ca": {"secretName": secret_name(issuer.name)}}
        pair = (
            _generate_authority(name, issuer, opts)
            if isinstance(issuer, GeneratedAuthority)
            else _given_authority(issuer, secrets)
        )
        after.append(_create_secret(name, issuer.name, "kubernetes.io/tls", pair, opts))
    return CustomResource(
        f"{name}-issuer-{issuer.name}",
        api_version=API_VERSION,
        kind="ClusterIssuer",
        metadata=ObjectMetaArgs(name=issuer.name),
        spec=spec,
        opts=ResourceOptions.merge(opts, ResourceOptions(depends_on=after)),
    )


def create_default_certificate(
    name: str, data: ingress.Ingress, opts: ResourceOptions, *, after: Sequence[Resource]
) -> list[Resource]:
    """Create the default certificate of the ingress, and the Ingress object by which Traefik serves it.

    Traefik reads the certificates of Ingress objects again when they change. Traefik would read a file with a
    default certificate only when a pod starts. The rules of the object have no paths, so that it serves no
    site.
    """
    certificate = CustomResource(
        f"{name}-{ingress.ISSUED_CERTIFICATE}",
        api_version=API_VERSION,
        kind="Certificate",
        metadata=ObjectMetaArgs(name=ingress.ISSUED_CERTIFICATE, namespace=ingress.NAMESPACE),
        spec={
            "secretName": ingress.ISSUED_CERTIFICATE,
            "dnsNames": list(data.names),
            "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": data.issuer},
            "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
            "usages": ["digital signature", "server auth"],
        },
        opts=ResourceOptions.merge(opts, ResourceOptions(depends_on=list(after))),
    )
    served = networking.Ingress(
        f"{name}-{ingress.ISSUED_CERTIFICATE}-ingress",
        metadata=ObjectMetaArgs(
            name=ingress.ISSUED_CERTIFICATE,
            namespace=ingress.NAMESPACE,
            # The object has no address and no endpoints that the engine could wait for.
            annotations={"pulumi.com/skipAwait": "true"},
        ),
        spec=networking.IngressSpecArgs(
            ingress_class_name=ingress.CLASS,
            tls=[networking.IngressTLSArgs(hosts=list(data.names), secret_name=ingress.ISSUED_CERTIFICATE)],
            rules=[networking.IngressRuleArgs(host=host) for host in data.names],
        ),
        opts=ResourceOptions.merge(opts, ResourceOptions(depends_on=list(after))),
    )
    return [certificate, served]


def _acme_spec(issuer: AcmeIssuer) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "server": issuer.server,
        "email": issuer.email,
        # cert-manager creates the key of the account.
        "privateKeySecretRef": {"name": f"{secret_name(issuer.name)}-account"},
        "solvers": [],
    }
    if issuer.server_ca:
        spec["caBundle"] = base64.b64encode(issuer.server_ca.encode()).decode()
    if issuer.ingress_class:
        # With the default service type, NodePort, each challenge would open a port of all nodes.
        solver = {"ingressClassName": issuer.ingress_class, "serviceType": "ClusterIP"}
        spec["solvers"].append({"http01": {"ingress": solver}})
    if issuer.rfc2136:
        spec["solvers"].append(_update_solver(issuer.name, issuer.rfc2136))
    return spec


def _update_solver(issuer: str, server: Rfc2136) -> dict[str, Any]:
    return {
        "selector": {"dnsZones": list(server.zones)},
        "dns01": {
            "rfc2136": {
                "nameserver": f"{server.address}:{server.port}",
                "tsigKeyName": server.key_name,
                "tsigAlgorithm": _ALGORITHMS[server.algorithm],
                "tsigSecretSecretRef": {"name": secret_name(issuer), "key": _TSIG_KEY},
            }
        },
    }


def _given_authority(issuer: GivenAuthority, secrets: IssuerSecrets) -> dict[str, Input[str]]:
    key = Output.secret(secrets.authority_keys[issuer.name])
    return {"tls.crt": issuer.certificate, "tls.key": key}


def _generate_authority(
    name: str, issuer: GeneratedAuthority, opts: ResourceOptions
) -> dict[str, Input[str]]:
    # The parent, but not the provider of Kubernetes.
    options = ResourceOptions(parent=opts.parent)
    key = tls.PrivateKey(
        f"{name}-{issuer.name}-key", algorithm="ECDSA", ecdsa_curve="P256", opts=options
    ).private_key_pem
    certificate = self_signed_authority(
        f"{name}-{issuer.name}-certificate",
        key=key,
        common_name=issuer.common_name,
        years=issuer.years,
        opts=options,
    )
    return {"tls.crt": Output.unsecret(certificate), "tls.key": Output.secret(key)}


def _create_secret(
    name: str, issuer: str, kind: str, content: Mapping[str, Input[str]], opts: ResourceOptions
) -> core.Secret:
    return core.Secret(
        f"{name}-secret-{issuer}",
        metadata=ObjectMetaArgs(name=secret_name(issuer), namespace=NAMESPACE),
        type=kind,
        string_data=dict(content),
        opts=opts,
    )
