"""Search of the whole disk of a host for credentials: private keys, signed tokens, bootstrap tokens."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from testkit.cluster import Cluster

SECONDS = 300
"""Time limit of a search, which reads about a gigabyte."""
# Containers are below /var/lib/containerd, and the mount points below /run/containerd show the same files.
# The authorities that systems trust have no keys.
SEARCH = r"""
while read -r _ mount kind _; do
    case "$mount" in /proc* | /sys* | /run/containerd/* | /run/host*) continue ;; esac
    case "$kind" in overlay | ext4 | xfs | btrfs | tmpfs) ;; *) continue ;; esac
    find "$mount" -xdev -type f -size +0 \
        ! -path '/etc/ssl/certs/*' ! -path '/usr/share/ca-certificates/*' -print0
done </proc/mounts | perl -0 -ne '
    chomp;
    my $path = $_;
    open(my $file, "<:raw", $path) or next;
    my $text = do { local $/; <$file> };
    my %patterns = (
        "key" => qr/-----BEGIN [A-Z ]*PRIVATE KEY-----[\sA-Za-z0-9+\/=\\]{40,20000}-----END [A-Z ]*KEY/,
        "certificate" => qr/-----BEGIN CERTIFICATE-----[\sA-Za-z0-9+\/=\\]{40,20000}-----END CERTIFICATE/,
        "encoded" => qr/LS0tLS1CRUdJTi[A-Za-z0-9+\/]{40,30000}={0,2}/,
        "jwt" => qr/eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}/,
        "bootstrap" => qr/(?<![a-z0-9])[a-z0-9]{6}\.[a-z0-9]{16}(?![a-z0-9])/,
    );
    for my $kind (keys %patterns) {
        my %seen;
        while ($text =~ /$patterns{$kind}/g) {
            my $found = substr($text, $-[0], $+[0] - $-[0]);
            print "$kind ", unpack("H*", $found), " $path\n" unless $seen{$found}++;
        }
    }
    END { print "end\n" }
'
"""
_PEM = re.compile(r"-----BEGIN ([A-Z ]*(?:PRIVATE KEY|CERTIFICATE))-----(.*?)-----END", re.S)


@dataclass(frozen=True, slots=True)
class Credential:
    """A private key (PEM) or token at a path, with the certificate of the key (PEM) if the disk has it."""

    path: str
    kind: Literal["key", "token"]
    value: str = field(repr=False)
    certificate: str = field(default="", repr=False)


def find_credentials(cluster: Cluster, host: str, bootstrap_ids: set[str]) -> list[Credential]:
    """Return the credentials on the disk of a host. `bootstrap_ids` are the ids of existing bootstrap tokens.

    Raise AssertionError if the search did not end.
    """
    lines = cluster.ssh(host, SEARCH, timeout=SECONDS, check=False).stdout.splitlines()
    assert lines[-1:] == ["end"], "the search was interrupted"
    found = [(kind, bytes.fromhex(value).decode(), path) for kind, value, path in _split(lines[:-1])]
    certificates = {
        _encode(x509.load_pem_x509_certificate(pem.encode()).public_key()): pem
        for _, text, _ in found
        for pem in _blocks(text, "CERTIFICATE")
        if _is_certificate(pem)
    }
    credentials: list[Credential] = []
    for kind, text, path in found:
        if kind == "jwt" or (kind == "bootstrap" and text.split(".")[0] in bootstrap_ids):
            credentials.append(Credential(path, "token", text))
        for pem in _blocks(text, "PRIVATE KEY"):
            key = _private_key(pem)
            if key is not None:
                certificate = certificates.get(_encode(key.public_key()), "")
                credentials.append(Credential(path, "key", pem, certificate))
    return credentials


def _split(lines: list[str]) -> Iterator[tuple[str, str, str]]:
    for line in lines:
        kind, value, path = line.split(" ", 2)
        yield kind, value, path


def _blocks(text: str, word: str) -> Iterator[str]:
    """Yield the PEM blocks in a text, which can be encoded in base64, or a string of JSON."""
    if text.startswith("LS0t"):
        text = base64.b64decode(text[: len(text) // 4 * 4]).decode(errors="replace")
    for label, body in _PEM.findall(text + "-----"):
        if label.endswith(word):
            lines = body.replace("\\n", "\n").strip()
            yield f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n"


def _is_certificate(pem: str) -> bool:
    try:
        x509.load_pem_x509_certificate(pem.encode()).public_key()
    except ValueError:
        return False
    return True


def _private_key(pem: str) -> PrivateKeyTypes | None:
    """Return a key; None for text that is no key, and for algorithms that no host accepts."""
    load = load_ssh_private_key if "OPENSSH" in pem else load_pem_private_key
    try:
        return load(pem.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def _encode(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
