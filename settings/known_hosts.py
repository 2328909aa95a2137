"""Reader of public host keys in known_hosts text. Format: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT".

The reader of asyncssh is not used for four reasons: its import adds about 0.7 s to each preview, it prefers
entries with full names to patterns regardless of their order, it falls back from `[host]:port` to the host
without the port, and it rejects the whole file for one broken hashed entry.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from settings.problem import Problem, SettingsError

KEY_TYPES = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")
"""Types of host keys that work with pulumi-command, preferred types first.

The plugin accepts only the signature algorithm that has the same name as the type of the key. For the type
`ssh-rsa`, this is a signature with SHA-1, which OpenSSH 8.8 and later refuse (openssh.com/txt/release-8.8).
"""
_RSA = "ssh-rsa"
_FIELD = "metal.ssh.known_hosts_file"


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line of a known_hosts file.

    `number` is the line number. `marker` is `@revoked`, `@cert-authority` or empty. `hosts` is the field
    with the host names: patterns separated by commas, or a hashed name.
    """

    number: int
    marker: str
    hosts: str
    key_type: str
    key: str


class KnownHosts:
    """The host keys in the text of a known_hosts file."""

    def __init__(self, text: str) -> None:
        # An index of full names keeps the lookup fast in files with thousands of hosts.
        self._by_name: dict[str, list[_Entry]] = {}
        self._patterns: list[_Entry] = []
        for entry in _parse(text):
            names = entry.hosts.lower().split(",")
            if entry.hosts.startswith("|1|") or any(set(name) & set("*?!") for name in names):
                self._patterns.append(entry)
                continue
            for name in dict.fromkeys(names):
                self._by_name.setdefault(name, []).append(entry)

    def host_key(self, address: str, port: int) -> str:
        """Return the public key of the host, `ssh-ed25519 AAAA…`, that pulumi-command must accept.

        Raise SettingsError with one Problem if the file has no key of the host, only a revoked key, or only
        keys of types that do not work.
        """
        name = address if port == 22 else f"[{address}]:{port}"
        keys: dict[str, str] = {}
        revoked: set[str] = set()
        entries = [entry for entry in self._patterns if _matches(entry.hosts, name)]
        entries += self._by_name.get(name.lower(), ())
        for entry in sorted(entries, key=lambda entry: entry.number):
            if entry.marker == "@revoked":
                revoked.add(entry.key)
            elif not entry.marker:
                keys.setdefault(entry.key_type, entry.key)
        for key_type in KEY_TYPES:
            if key_type in keys and keys[key_type] not in revoked:
                return f"{key_type} {keys[key_type]}"
        if keys.get(_RSA, "") not in {"", *revoked}:
            reason = (
                "has only an RSA key in the file, for which OpenSSH 8.8 and later refuse SHA-1 signatures"
            )
        else:
            reason = "its key is revoked" if revoked else "has no key in the file"
        advice = f"compare the host's key and add it (ssh-keyscan -t ed25519,ecdsa -p {port} {address})"
        raise SettingsError([Problem(_FIELD, f'"{name}"', f"{reason}; {advice}")])


def _parse(text: str) -> Iterator[_Entry]:
    """Yield an entry for each line that has all fields of the format."""
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        marker = words.pop(0) if words[0].startswith("@") else ""
        if len(words) >= 3:
            yield _Entry(number, marker, words[0], words[1], words[2])


def _matches(hosts: str, name: str) -> bool:
    """Check whether the hosts field of an entry matches the name, by its hash or by its patterns.

    A negated pattern (`!`) that matches the name excludes the name.
    """
    if hosts.startswith("|1|"):
        return _hash_matches(hosts, name)
    patterns = [pattern.lower() for pattern in hosts.split(",")]
    if any(pattern.startswith("!") and _pattern_matches(pattern[1:], name) for pattern in patterns):
        return False
    return any(_pattern_matches(pattern, name) for pattern in patterns)


def _pattern_matches(pattern: str, name: str) -> bool:
    # The brackets of [host]:port are literal, not a set of characters.
    return fnmatchcase(name.lower(), pattern.replace("[", "[[]"))


def _hash_matches(hosts: str, name: str) -> bool:
    try:
        _, _, salt, digest = hosts.split("|")
        actual = hmac.new(base64.b64decode(salt), name.encode(), hashlib.sha1).digest()
        return hmac.compare_digest(actual, base64.b64decode(digest))
    except (ValueError, binascii.Error):
        return False
