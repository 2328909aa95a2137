"""The files that settings name: read once, with every missing one reported. The only reader of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from settings.cluster import Settings
from settings.problem import Problem, SettingsError


def read(settings: Settings, checkout: Path) -> dict[str, str]:
    """Texts of authorities, known_hosts files and the mirror's index, by their paths as settings have them.

    Private keys are not among them: whoever needs one reads it as a secret. Charts and relative paths are
    looked for from `checkout`. Raises SettingsError with every file that is missing or no text.
    """
    texts: dict[str, str] = {}
    problems = missing(settings, checkout)
    for field, path in _texts(settings):
        try:
            texts[path] = (checkout / path).read_text()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "is no text"
            problems.append(
                Problem(field, f'"{path}"', f"cannot be read: {reason}; create it or correct the path")
            )
    if problems:
        raise SettingsError(problems)
    return texts


def missing(settings: Settings, checkout: Path) -> list[Problem]:
    """Private key files and charts that are not there; charts are looked for from `checkout`."""
    problems = []
    for field, path in _keys(settings):
        if not Path(path).is_file():
            problems.append(Problem(field, "", "no such file; create the key or correct the path"))
    for name, release in settings.helm_releases.items():
        if release.is_path and not (checkout / release.chart).exists():
            problems.append(
                Problem(f"helm_releases.{name}.chart", f'"{release.chart}"', "no such chart in the checkout")
            )
    return problems


def _texts(settings: Settings) -> Iterator[tuple[str, str]]:
    if settings.artifacts.index:
        yield "artifacts.index", settings.artifacts.index
    if settings.cloud and settings.cloud.authority_file:
        yield f"{settings.cloud_name}.endpoints.ca_file", settings.cloud.authority_file
    if settings.artifacts.ca_file:
        yield "artifacts.ca_file", settings.artifacts.ca_file
    for name, registry in settings.registries.items():
        if registry.ca_file:
            yield f"registries.{name}.ca_file", registry.ca_file
    if settings.metal and settings.metal.ssh.known_hosts_file:
        yield "metal.ssh.known_hosts_file", settings.metal.ssh.known_hosts_file


def _keys(settings: Settings) -> Iterator[tuple[str, str]]:
    if settings.metal is None:
        return
    if settings.metal.ssh.private_key_file:
        yield "metal.ssh.private_key_file", settings.metal.ssh.private_key_file
    for name, host in settings.metal.hosts.items():
        if host.ssh.private_key_file:
            yield f"metal.hosts.{name}.ssh.private_key_file", host.ssh.private_key_file
