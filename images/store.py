"""The program that fills an image's store of binaries: `python3 -m images.store STACKFILE` prints it.

It is the host program's own download step, with the checksums of the stack's mirror. What it has fetched
is kept by digest, so that a machine made from the image fetches only what has changed since.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import nodeconfig
import settings
from artifacts.errors import ArtifactError
from assembly import assemble
from nodeconfig.bundle import Artifact
from nodeconfig.host_program import program
from settings.stackfile import load_file

_BEGIN = """\
#!/bin/sh
# Fetches what the stack's hosts need, as the host program does; run as root.
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
set -- "$work"
"""
# A role of that name keeps what is fetched here from being cleaned up by the roles that come one by one.
_END = """\
fetch_all
mkdir -p "$STATE/roles/image"
while read -r _ _ digest _; do say "$digest"; done <"$WORK/artifacts.changed" |
    sort -u >"$STATE/roles/image/digests"
say "fetched $(wc -l <"$WORK/fetch") files"
"""


def fill(artifacts: Iterable[Artifact], ca: str = "") -> str:
    """The program's text. `ca`: PEM of the authority that verifies downloads ("": the system's)."""
    lines = sorted({f"{a.name} {a.url} {a.sha256} {a.path} {a.member}".rstrip() for a in artifacts})
    parts = [_BEGIN, program()]
    if ca:
        parts.append(_file("authority.pem", ca.strip().splitlines()))
    return "\n".join([*parts, _file("artifacts.changed", lines), _END])


def _file(name: str, lines: Iterable[str]) -> str:
    return "\n".join([f"cat >\"$WORK/{name}\" <<'KUBEWRIGHT'", *lines, "KUBEWRIGHT"])


def for_stack(file: Path) -> str:
    """The program for a stack's file. Raises SettingsError, ArtifactError."""
    assembly = assemble(load_file(file), Path.cwd())
    bundles = assembly.bundles.values()
    return fill((artifact for bundle in bundles for artifact in bundle.artifacts), assembly.index.ca)


def main(words: list[str]) -> int:
    """Prints the program for the stack's file that is named; the exit code."""
    if len(words) != 1:
        print("usage: python3 -m images.store STACKFILE", file=sys.stderr)
        return 2
    try:
        print(for_stack(Path(words[0])))
    except (settings.SettingsError, ArtifactError, nodeconfig.BundleError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
