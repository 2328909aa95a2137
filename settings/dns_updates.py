"""Settings of DNS servers whose zones are changed by dynamic updates (RFC 2136)."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from settings.base import Section
from settings.dns import DnsServer
from settings.secret_values import decode_base64, is_placeholder
from settings.types import Subdomain
from topology.dns_updates import TsigAlgorithm


def _validate_tsig_secret(secret: SecretStr) -> SecretStr:
    if not is_placeholder(secret) and not decode_base64(secret):
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
