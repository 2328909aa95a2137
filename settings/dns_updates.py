"""Settings of DNS servers whose zones are changed by dynamic updates (RFC 2136)."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from settings.authorization import PLACEHOLDERS
from settings.base import Section
from settings.dns import DnsServer
from settings.types import Subdomain
from topology.dns_updates import TsigAlgorithm


def _validate_tsig_secret(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if text in PLACEHOLDERS:
        return secret
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if not key:
        raise ValueError("not Base64; give the secret of the TSIG key as the DNS server has it")
    return secret


class Rfc2136Settings(Section):
    """A DNS server that accepts dynamic updates (RFC 2136) with a TSIG key."""

    nameserver: DnsServer
    """Server that accepts updates, such as `10.0.0.53` or `10.0.0.53:5353`."""
    zones: tuple[Subdomain, ...] = Field(min_length=1)
    """Zones in which records are changed."""
    key_name: Subdomain
    """Name of the TSIG key."""
    algorithm: TsigAlgorithm = TsigAlgorithm.SHA256
    """Algorithm of the TSIG key."""
    secret: Annotated[SecretStr, AfterValidator(_validate_tsig_secret)]
    """Secret of the TSIG key in Base64, as an encrypted value (`secure: …`)."""
