"""Key pairs of age (X25519), as `age-keygen` creates them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from topology.age_recipients import CHARSET, checksum


@dataclass(frozen=True)
class AgeKey:
    """A key pair. `identity` is the private key, `recipient` the public key."""

    identity: str
    recipient: str

    def write(self, file: Path) -> Path:
        """Write the private key to a file, as `age-keygen` does, and return its path."""
        file.write_text(f"# public key: {self.recipient}\n{self.identity}\n")
        file.chmod(0o600)
        return file


def create_key() -> AgeKey:
    """Return a new key pair."""
    key = X25519PrivateKey.generate()
    return AgeKey(
        identity=_bech32("age-secret-key-", key.private_bytes_raw()).upper(),
        recipient=_bech32("age", key.public_key().public_bytes_raw()),
    )


def _bech32(human_readable_part: str, data: bytes) -> str:
    values = list(_regroup(data))
    residue = checksum(human_readable_part, (*values, 0, 0, 0, 0, 0, 0)) ^ 1
    values += [residue >> 5 * (5 - position) & 31 for position in range(6)]
    return f"{human_readable_part}1{''.join(CHARSET[value] for value in values)}"


def _regroup(data: Iterable[int]) -> Iterator[int]:
    """Yield the bits of bytes in groups of 5, with zeros at the end."""
    bits = "".join(f"{byte:08b}" for byte in data)
    yield from (int(bits[start : start + 5].ljust(5, "0"), 2) for start in range(0, len(bits), 5))
