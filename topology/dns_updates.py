"""DNS servers whose zones are changed by dynamic updates (RFC 2136), as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TsigAlgorithm(StrEnum):
    """The algorithm of a TSIG key (RFC 8945)."""

    SHA256 = "hmac-sha256"
    SHA512 = "hmac-sha512"


@dataclass(frozen=True, slots=True)
class Rfc2136:
    """A DNS server that accepts dynamic updates of zones. The secret of the key is not in the topology.

    `address` and `port` are those of the server.
    """

    address: str
    port: int
    zones: tuple[str, ...]
    key_name: str
    algorithm: TsigAlgorithm
