"""The description of a component of the catalogue: its Go module, its binaries and its official site."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OfficialSite:
    """Templates of the official site of a file.

    `url` is the URL of the file or archive. `checksum` is the URL of the file in which upstream publishes
    the sha256. `member` is the path inside the archive; empty if the file is not an archive.
    """

    url: str
    checksum: str
    member: str = ""


@dataclass(frozen=True, slots=True)
class Component:
    """Binaries that are released together, with their Go module and their official site.

    `go_module` is the Go module whose version in go.mod is the version of the release. `packages` maps the
    name of a binary to its Go package. `tool` marks a program of the deployer, which may be on PATH.
    `released_with` names the component whose versions and go.mod this component shares.
    """

    name: str
    go_module: str
    packages: tuple[tuple[str, str], ...]
    official: OfficialSite | None = None
    ldflags: str = ""
    tags: str = ""
    cgo: bool = False
    tool: bool = False
    released_with: str = ""


_GITHUB = "https://github.com/{repo}/releases/download/v{{v}}/{file}"


def github_release(repo: str, file: str, checksum: str, member: str = "") -> OfficialSite:
    """Return the templates of a release on GitHub. `checksum` is the name of the file with the sha256."""
    return OfficialSite(
        _GITHUB.format(repo=repo, file=file), _GITHUB.format(repo=repo, file=checksum), member=member
    )
