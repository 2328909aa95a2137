"""Reader of the files that settings refer to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from settings.charts import charts_of, is_path
from settings.cluster import Settings
from settings.problem import Problem, SettingsError
from settings.values_files import parse_values

_PEM = "-----BEGIN CERTIFICATE-----"
_AUTHORITIES = (
    "addons.events.",
    "addons.logs.",
    "addons.monitoring.",
    "addons.velero.",
    "etcd.snapshots.",
    "helm_releases.",
)
"""Sections whose files of authorities must have a certificate."""


def read_files(settings: Settings, checkout: Path) -> dict[str, str]:
    """Return the texts of the files that the settings name (certificate authorities, known_hosts, the
    mirror's index, values of Helm charts), by their paths in the settings.

    Private keys are not included: code that needs a private key reads it as a secret. Relative paths start
    at `checkout`. Raise SettingsError with every file that is missing or is not text.
    """
    texts: dict[str, str] = {}
    problems = find_missing(settings, checkout)
    for field, path in _text_files(settings):
        try:
            texts[path] = (checkout / path).read_text()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not text"
            problems.append(
                Problem(field, f'"{path}"', f"cannot be read: {reason}; create it or correct the path")
            )
    for field, path in _text_files(settings):
        # rclone, Velero and Helm would trust no authority, so that each connection would fail.
        is_authority = field.startswith(_AUTHORITIES) and field.endswith("ca_file")
        if is_authority and _PEM not in texts.get(path, _PEM):
            message = "has no certificate; give the PEM file of the certificate authority of the service"
            problems.append(Problem(field, f'"{path}"', message))
    for name, issuer in settings.api.oidc.items():
        # The API server refuses the whole configuration if a CA has no certificate.
        if issuer.ca_file in texts and _PEM not in texts[issuer.ca_file]:
            message = "has no certificate; give the PEM file of the issuer's certificate authority"
            problems.append(Problem(f"api.oidc.{name}.ca_file", f'"{issuer.ca_file}"', message))
    problems += _values_problems(settings, texts)
    if problems:
        raise SettingsError(problems)
    return texts


def find_missing(settings: Settings, checkout: Path) -> list[Problem]:
    """Return a problem for each private SSH key file and each chart that does not exist.

    Paths of charts are relative to `checkout`.
    """
    problems = []
    for field, path in _private_key_files(settings):
        if not Path(path).is_file():
            problems.append(Problem(field, "", "no such file; create the key or correct the path"))
    for field, chart in charts_of(settings):
        if is_path(chart) and not (checkout / chart).exists():
            message = "no such chart in the checkout; create it or correct the path"
            problems.append(Problem(field, f'"{chart}"', message))
    return problems


def _values_problems(settings: Settings, texts: Mapping[str, str]) -> Iterator[Problem]:
    """Yield a problem for each file of Helm values with wrong content. `texts` has the readable files."""
    for name, release in settings.helm_releases.items():
        for position, file in enumerate(release.values_files):
            try:
                parse_values(texts.get(file, ""))
            except ValueError as error:
                yield Problem(f"helm_releases.{name}.values_files[{position}]", f'"{file}"', str(error))


def _text_files(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the setting and the path of every text file that the settings name."""
    if settings.artifacts.index:
        yield "artifacts.index", settings.artifacts.index
    if settings.cloud and settings.cloud.authority_file:
        yield f"{settings.cloud_name}.endpoints.ca_file", settings.cloud.authority_file
    if settings.artifacts.ca_file:
        yield "artifacts.ca_file", settings.artifacts.ca_file
    for name, registry in settings.registries.items():
        if registry.ca_file:
            yield f"registries.{name}.ca_file", registry.ca_file
    for name, issuer in settings.api.oidc.items():
        if issuer.ca_file:
            yield f"api.oidc.{name}.ca_file", issuer.ca_file
    for name, release in settings.helm_releases.items():
        if release.repository and release.repository.ca_file:
            yield f"helm_releases.{name}.repository.ca_file", release.repository.ca_file
        for position, file in enumerate(release.values_files):
            yield f"helm_releases.{name}.values_files[{position}]", file
    for name, target in settings.etcd.snapshots.to.items():
        for kind, section in (("s3", target.s3), ("azure_blob", target.azure_blob)):
            if section and section.ca_file:
                yield f"etcd.snapshots.to.{name}.{kind}.ca_file", section.ca_file
    for name, location in settings.addons.velero.locations.items() if settings.addons.velero else ():
        if location.s3 and location.s3.ca_file:
            yield f"addons.velero.locations.{name}.s3.ca_file", location.s3.ca_file
    for name, destination in settings.addons.logs.to.items() if settings.addons.logs else ():
        for kind, server in destination.servers.items():
            if server.ca_file:
                yield f"addons.logs.to.{name}.{kind}.ca_file", server.ca_file
    events = settings.addons.events
    if events and events.alertmanager and events.alertmanager.ca_file:
        yield "addons.events.alertmanager.ca_file", events.alertmanager.ca_file
    monitoring = settings.addons.monitoring
    for name, store in monitoring.remote_write.items() if monitoring else ():
        if store.ca_file:
            yield f"addons.monitoring.remote_write.{name}.ca_file", store.ca_file
    monitoring = settings.addons.monitoring
    login = monitoring.grafana.oidc if monitoring and monitoring.grafana else None
    if login and login.ca_file:
        yield "addons.monitoring.grafana.oidc.ca_file", login.ca_file
    storage = settings.addons.registry.storage if settings.addons.registry else None
    for kind, place in (("s3", storage.s3), ("azure_blob", storage.azure_blob)) if storage else ():
        if place and place.ca_file:
            yield f"addons.registry.storage.{kind}.ca_file", place.ca_file
    if settings.metal and settings.metal.ssh.known_hosts_file:
        yield "metal.ssh.known_hosts_file", settings.metal.ssh.known_hosts_file


def _private_key_files(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the setting and the path of every private SSH key file that the settings name."""
    if settings.metal is None:
        return
    if settings.metal.ssh.private_key_file:
        yield "metal.ssh.private_key_file", settings.metal.ssh.private_key_file
    for name, host in settings.metal.hosts.items():
        if host.ssh.private_key_file:
            yield f"metal.hosts.{name}.ssh.private_key_file", host.ssh.private_key_file
