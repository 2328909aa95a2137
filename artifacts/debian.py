"""Download of Debian packages with an ordinary apt client, and unpacking without installation."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from artifacts.errors import ArtifactError


def unpack(
    packages: tuple[str, ...],
    directory: Path,
    *,
    dependencies: bool = False,
    without: frozenset[str] = frozenset(),
) -> Path:
    """Download Debian packages and unpack them into `directory`/root; return this path.

    With `dependencies`, include all their dependencies, also alternatives, except the packages in `without`.
    Raise ArtifactError if apt is missing or a package cannot be fetched.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise ArtifactError(
            f"{', '.join(packages)}: making this needs apt-get and dpkg-deb; "
            "make the mirror on a Debian-like machine"
        )
    all_packages = sorted(_with_dependencies(packages) - without) if dependencies else list(packages)
    downloads = directory / "packages"
    downloads.mkdir()
    _run_command(
        ["apt-get", "download", "-q", *all_packages], downloads, f"apt-get download {' '.join(packages)}"
    )
    root = directory / "root"
    for package in sorted(downloads.glob("*.deb")):
        _run_command(["dpkg-deb", "-x", str(package), str(root)], downloads, f"unpacking {package.name}")
    return root


def _with_dependencies(packages: tuple[str, ...]) -> set[str]:
    """Return the packages and all their dependencies; virtual packages (in <>) are skipped."""
    options = [f"--no-{kind}" for kind in _OPTIONAL_RELATIONS]
    output = _run_command(
        ["apt-cache", "depends", "--recurse", *options, *packages], Path("/"), "apt-cache depends"
    )
    lines = [line for line in output.splitlines() if line and not line.startswith((" ", "<"))]
    return {line.split(":")[0] for line in lines} - {"debconf"}


_OPTIONAL_RELATIONS = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")


def _run_command(command: list[str], directory: Path, description: str) -> str:
    """Run a command and return its output. `description` names the command in the ArtifactError."""
    result = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        detail = (result.stderr.strip().splitlines() or [f"ended with {result.returncode}"])[-1]
        raise ArtifactError(f"{description}: {detail} (is the package list up to date? apt-get update)")
    return result.stdout
