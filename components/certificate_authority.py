"""Self-signed certificates of authorities, for the cluster and for issuers of cert-manager."""

from __future__ import annotations

import pulumi_tls as tls
from pulumi import Input, Output, ResourceOptions

HOURS_PER_YEAR = 365 * 24


def self_signed_authority(
    name: str, *, key: Input[str], common_name: str, years: int, opts: ResourceOptions
) -> Output[str]:
    """Create the self-signed certificate of an authority from its private key in PEM. Return its PEM."""
    return tls.SelfSignedCert(
        name,
        private_key_pem=key,
        subject=tls.SelfSignedCertSubjectArgs(common_name=common_name),
        is_ca_certificate=True,
        set_subject_key_id=True,
        validity_period_hours=years * HOURS_PER_YEAR,
        allowed_uses=["cert_signing", "crl_signing", "digital_signature"],
        opts=opts,
    ).cert_pem
