"""Certificate files on hosts, some of which may be damaged."""

from __future__ import annotations

from cryptography import x509

KUBELET_PKI = "/var/lib/kubelet/pki/"
"""Directory on a host of the certificates that its kubelet requests."""


class DamagedFile(ValueError):
    """A certificate file that has no complete certificate, or ends within a certificate."""


def parse_certificates(pem: str) -> list[x509.Certificate]:
    """Return all certificates in a PEM text. Raise DamagedFile if a certificate is missing or incomplete."""
    try:
        certificates = x509.load_pem_x509_certificates(pem.encode())
    except ValueError as error:
        raise DamagedFile(str(error)) from None
    # The parser ignores an incomplete certificate that follows a complete certificate.
    if len(certificates) != pem.count("-----BEGIN CERTIFICATE-----"):
        raise DamagedFile("incomplete certificate")
    return certificates


def damage_problem(host: str, path: str) -> str:
    """Return the problem of a damaged certificate file of a host: what is wrong, and what to do."""
    if not path.startswith(KUBELET_PKI):
        remedy = f"run `repair --host {host}`"
    elif "kubelet-client" in path:
        # The bootstrap token of the host is valid only without its Node.
        remedy = f"delete the file, run `kubectl delete node {host}`, and restart the kubelet"
    else:
        remedy = "delete the file and restart the kubelet"
    return f"certificate file {path} is damaged or truncated; {remedy}"
