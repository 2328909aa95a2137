"""The program that downloads binaries into a machine image; `kubewright image store STACKFILE` prints it.

The program is the download step of the host program, with the checksums of the stack's mirror. It stores the
binaries by digest, so that a machine created from the image downloads only binaries that have changed since.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from artifacts.errors import ArtifactError
from assembly import assemble
from nodeconfig.bundle import Artifact
from nodeconfig.host_program import program
from settings.stackfile import load_file
from topology.architectures import AMD64

_PROLOGUE = """\
#!/bin/sh
# Download the binaries of the stack's hosts into the store of the host program. Run as root.
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
set -- "$work"
"""
# The role `image` refers to the stored binaries, so that deliveries of other roles do not remove them.
_EPILOGUE = """\
fetch_all
mkdir -p "$STATE/roles/image"
while read -r _ _ digest _; do say "$digest"; done <"$WORK/artifacts.changed" |
    sort -u >"$STATE/roles/image/digests"
say "fetched $(wc -l <"$WORK/fetch") files"
"""


def store_program(artifacts: Iterable[Artifact], ca: str = "") -> str:
    """Return the program that downloads `artifacts`.

    `ca` is the PEM of the certificate authority of the mirror; empty selects the authorities of the system.
    """
    lines = sorted(
        {f"{item.name} {item.url} {item.sha256} {item.path} {item.member}".rstrip() for item in artifacts}
    )
    sections = [_PROLOGUE, program()]
    if ca:
        sections.append(_write_file_statement("authority.pem", ca.strip().splitlines()))
    return "\n".join([*sections, _write_file_statement("artifacts.changed", lines), _EPILOGUE])


def _write_file_statement(name: str, lines: Iterable[str]) -> str:
    """Return the sh statement that writes the lines to a file in the work directory of the program."""
    return "\n".join([f"cat >\"$WORK/{name}\" <<'KUBEWRIGHT'", *lines, "KUBEWRIGHT"])


def store_program_for_stack(file: Path, architecture: str = AMD64) -> str:
    """Return the program that downloads the binaries of all hosts of a stack file with an architecture.

    Raise SettingsError, ArtifactError or BundleError.
    """
    settings = load_file(file)
    if settings.artifacts.store:
        raise ArtifactError(
            "artifacts.store: only machines of the cluster can read its store; for the image, set "
            "artifacts.mirror in a copy of the stack file, with the URL of the same mirror"
        )
    assembly = assemble(settings, Path.cwd())
    topology = assembly.topology
    architectures = {machine.name: machine.architecture for machine in topology.machines}
    architectures |= {pool.name: pool.capacity.architecture for pool in topology.pools if pool.capacity}
    artifacts = [
        artifact
        for (name, _), bundle in assembly.bundles.items()
        for artifact in bundle.artifacts
        if architectures[name] in ("", architecture)
    ]
    if not artifacts:
        raise ArtifactError(f"{file}: no machine has the architecture {architecture}")
    return store_program(artifacts, assembly.index.ca)
