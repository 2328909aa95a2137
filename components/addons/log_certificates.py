"""Certificates of Loki in the cluster and of its clients, signed by a separate authority [H4].

Loki gives all entries to each client whose certificate the authority signed. With the authority of the
cluster, all its components and users would be such clients.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi_tls as tls
from pulumi import Output, ResourceOptions

from components.certificate_authority import HOURS_PER_YEAR, self_signed_authority
from topology.certificates import AUTHORITY_YEARS, LEAF_YEARS
from topology.logs import LOKI, NAMESPACE
from topology.model import Topology

SHIPPER, EVENTS, READER, GRAFANA = "log-shipper", "events", "loki-reader", "grafana"
"""The common names of the clients, which are also the names of their Secrets."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate with its key and the certificate of its authority, all in PEM."""

    authority: Output[str]
    certificate: Output[str]
    key: Output[str]

    @property
    def files(self) -> dict[str, Output[str]]:
        """The content of a Secret of the type `kubernetes.io/tls`."""
        return {"ca.crt": self.authority, "tls.crt": self.certificate, "tls.key": Output.secret(self.key)}


def create_key_pairs(
    name: str, topology: Topology, *, grafana: bool, opts: ResourceOptions
) -> dict[str, KeyPair]:
    """Create the authority, and the certificates of Loki and its clients. Return them by common name.

    `name` is the beginning of the names of the Pulumi resources.
    """
    key = tls.PrivateKey(f"{name}-ca-key", algorithm="ECDSA", ecdsa_curve="P256", opts=opts)
    authority = self_signed_authority(
        f"{name}-ca",
        key=key.private_key_pem,
        common_name=f"{topology.name} loki-ca",
        years=AUTHORITY_YEARS,
        opts=opts,
    )
    service = f"{LOKI}.{NAMESPACE}.svc"
    names = {LOKI: [service, f"{service}.{topology.network.domain}", "localhost"]}
    return {
        leaf: _create_leaf(f"{name}-{leaf}", leaf, names.get(leaf, []), (key, authority), topology, opts)
        for leaf in (LOKI, SHIPPER, EVENTS, READER, *((GRAFANA,) if grafana else ()))
    }


def _create_leaf(
    name: str,
    common_name: str,
    dns_names: list[str],
    signer: tuple[tls.PrivateKey, Output[str]],
    topology: Topology,
    opts: ResourceOptions,
) -> KeyPair:
    signer_key, authority = signer
    key = tls.PrivateKey(
        f"{name}-key",
        algorithm="ECDSA",
        ecdsa_curve="P256",
        # A new key also replaces the certificate request and the certificate.
        opts=ResourceOptions.merge(opts, ResourceOptions(replacement_trigger=topology.certificates.leaves)),
    )
    request = tls.CertRequest(
        f"{name}-request",
        private_key_pem=key.private_key_pem,
        subject=tls.CertRequestSubjectArgs(common_name=common_name),
        dns_names=dns_names,
        opts=opts,
    )
    certificate = tls.LocallySignedCert(
        name,
        ca_private_key_pem=signer_key.private_key_pem,
        ca_cert_pem=authority,
        cert_request_pem=request.cert_request_pem,
        set_subject_key_id=True,
        validity_period_hours=LEAF_YEARS * HOURS_PER_YEAR,
        allowed_uses=["digital_signature", "server_auth" if dns_names else "client_auth"],
        opts=opts,
    )
    return KeyPair(authority, certificate.cert_pem, key.private_key_pem)
