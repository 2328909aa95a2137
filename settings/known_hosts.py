"""Public host keys from known_hosts text. Format: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from settings.problem import Problem, SettingsError

# Of a host's several keys the one that is checked has to be the one the host shows, and that is the
# first in the order of the client: that of Go (golang.org/x/crypto/ssh), which pulumi-command uses.
_KINDS = ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa", "ssh-ed25519")
_FIELD = "metal.ssh.known_hosts_file"


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a file: its number, its marker, its field of hosts, and a key."""

    number: int
    marker: str
    hosts: str
    kind: str
    key: str


class KnownHosts:
    """The keys in the text of a known_hosts file, read once."""

    def __init__(self, text: str) -> None:
        # Most files name most hosts in full; a file of thousands is not gone through for each of them.
        self._named: dict[str, list[_Line]] = {}
        self._others: list[_Line] = []
        for line in _lines(text):
            names = line.hosts.lower().split(",")
            if line.hosts.startswith("|1|") or any(set(name) & set("*?!") for name in names):
                self._others.append(line)
                continue
            for name in dict.fromkeys(names):
                self._named.setdefault(name, []).append(line)

    def key(self, address: str, port: int) -> str:
        """The host's public key, `ssh-ed25519 AAAA…`: of several the one that it shows to pulumi-command.

        Raises SettingsError with one Problem when the text has none, or only a revoked one.
        """
        name = address if port == 22 else f"[{address}]:{port}"
        keys: dict[str, str] = {}
        revoked: set[str] = set()
        meant = [line for line in self._others if _names(line.hosts, name)]
        for line in sorted((*self._named.get(name.lower(), ()), *meant), key=lambda line: line.number):
            if line.marker == "@revoked":
                revoked.add(line.key)
            elif not line.marker:
                keys.setdefault(line.kind, line.key)
        for kind in _KINDS:
            if kind in keys and keys[kind] not in revoked:
                return f"{kind} {keys[kind]}"
        known = "its key there is revoked" if revoked else "no key of it is there"
        advice = f"compare the host's own and add it (ssh-keyscan -p {port} {address})"
        raise SettingsError([Problem(_FIELD, f'"{name}"', f"{known}; {advice}")])


def _lines(text: str) -> Iterator[_Line]:
    """Every line that has all fields."""
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        marker = words.pop(0) if words[0].startswith("@") else ""
        if len(words) >= 3:
            yield _Line(number, marker, words[0], words[1], words[2])


def _names(hosts: str, name: str) -> bool:
    """Whether a line's host field means the name: hashed, or patterns of which none forbids it."""
    if hosts.startswith("|1|"):
        return _hashed(hosts, name)
    patterns = [pattern.lower() for pattern in hosts.split(",")]
    if any(pattern.startswith("!") and _fits(name, pattern[1:]) for pattern in patterns):
        return False
    return any(_fits(name, pattern) for pattern in patterns)


def _fits(name: str, pattern: str) -> bool:
    # The brackets of [host]:port are themselves, not a set of characters.
    return fnmatchcase(name.lower(), pattern.replace("[", "[[]"))


def _hashed(hosts: str, name: str) -> bool:
    try:
        _, _, salt, digest = hosts.split("|")
        found = hmac.new(base64.b64decode(salt), name.encode(), hashlib.sha1).digest()
        return hmac.compare_digest(found, base64.b64decode(digest))
    except (ValueError, binascii.Error):
        return False
