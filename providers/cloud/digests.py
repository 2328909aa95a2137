"""The digest of a machine config, and its objects in the store under keys that contain the digest.

This module loads no Pulumi, because the `wait` programs import it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from hashlib import sha256

from providers.cloud.polling import WaitError


def content_digest(contents: Iterable[str]) -> str:
    """Return the hex sha256 of the contents in order, as `fetch` in boot.sh computes it with sha256sum."""
    lines = (f"{sha256(content.encode()).hexdigest()}  -\n" for content in contents)
    return sha256("".join(lines).encode()).hexdigest()


def publish_config(
    read: Callable[[str], str],
    write: Callable[[str, str], None],
    prefix: str,
    roles: Sequence[str],
    digest: str,
) -> None:
    """Copy the objects `<prefix>/<file>` of a machine config to `<prefix>/<digest>/<file>`.

    The first keys do not change with the content, so that a preview shows changed lines. Machines fetch the
    objects with the digest of their own template. A machine that starts during an update therefore gets the
    complete old or the complete new config, also after a failed update. `read` returns the text under a key,
    `write` writes it. Raise WaitError when the objects do not have the digest.
    """
    files = [f"{role}.{part}" for role in roles for part in ("sh", "payload")]
    contents = [read(f"{prefix}/{file}") for file in files]
    if content_digest(contents) != digest:
        raise WaitError(f"the objects below {prefix} in the store are not those of this update; run up again")
    for file, content in zip(files, contents, strict=True):
        write(f"{prefix}/{digest}/{file}", content)


def outdated_keys(objects: Iterable[tuple[str, datetime]], prefix: str, digest: str) -> list[str]:
    """Return the keys `<prefix>/<digest>/…` of all published configs except the config with `digest` and the
    newest config before it, to which a machine group can go back.

    `objects` are the keys of all objects below the prefix, with the time when each was written.
    """
    by_digest: dict[str, list[tuple[str, datetime]]] = {}
    for key, written in objects:
        directory, _, file = key.removeprefix(f"{prefix}/").partition("/")
        if file and directory != digest:
            by_digest.setdefault(directory, []).append((key, written))
    newest_first = sorted(
        by_digest.values(), key=lambda items: max(written for _, written in items), reverse=True
    )
    return [key for items in newest_first[1:] for key, _ in items]
