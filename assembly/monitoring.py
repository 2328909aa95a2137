"""Conversion of the settings of the monitoring add-on to plain data, and its credentials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import SecretStr

from assembly.grafana import build_grafana
from formats import quantity
from settings.cluster import Settings
from settings.monitoring import MonitoringSettings, ReceiverSettings
from settings.types import parse_seconds
from topology.monitoring import (
    Monitoring,
    Receiver,
    ReceiverKind,
    RemoteWrite,
    Route,
    Volume,
    secret_key,
)
from topology.options import LATE_INTERVALS, TRIAL_RESTORE_DAYS

Credentials = dict[str, tuple[tuple[str, ...], SecretStr]]
"""The path in the settings and the value of secrets, by their keys in a Secret."""
_SECTION = ("addons", "monitoring")
_DEFAULT_BYTES = 2 * 2**30
_SNAPSHOT_MARGIN = 900
"""Seconds that a snapshot may take beyond twice the interval of snapshots."""
_SECRETS: dict[ReceiverKind, dict[str, str]] = {
    ReceiverKind.WEBHOOK: {"url": "url_file", "bearer_token": "bearer_token"},
    ReceiverKind.SLACK: {"api_url": "api_url_file"},
    ReceiverKind.PAGERDUTY: {"routing_key": "routing_key_file"},
    ReceiverKind.EMAIL: {"password": "auth_password_file"},
}
"""The field of Alertmanager that names a file, by the secret settings of each kind of receivers."""


def build_monitoring(settings: Settings, files: Mapping[str, str] | None) -> Monitoring | None:
    """Return the add-on that valid settings describe; None for a cluster without it. `files` maps paths in
    the settings to texts; without it stores have no certificate authority.
    """
    section = settings.addons.monitoring
    if section is None:
        return None
    storage = section.storage
    default = section.default_receiver or next(iter(section.receivers), "")
    return Monitoring(
        retention_seconds=parse_seconds(section.retention),
        retention_bytes=_retention_bytes(section),
        interval_seconds=parse_seconds(section.interval),
        replicas=section.replicas,
        alertmanagers=section.alertmanager_replicas,
        volume=Volume(size=storage.size, storage_class=storage.storage_class or "") if storage else None,
        cpu=section.cpu,
        memory=section.memory,
        pool=section.pool or "",
        pods=section.pods,
        state_metrics=section.kube_state_metrics,
        remote_write=tuple(_stores(section, files)),
        receivers=tuple(_receiver(name, receiver) for name, receiver in section.receivers.items()),
        default_receiver=default,
        routes=tuple(Route(receiver=route.receiver, matchers=route.matchers) for route in section.routes),
        repeat_seconds=parse_seconds(section.repeat_interval),
        snapshot_seconds=LATE_INTERVALS * parse_seconds(settings.etcd.snapshots.every) + _SNAPSHOT_MARGIN,
        # Members without trial restores have no metrics about them.
        trial_restore_seconds=86400 * TRIAL_RESTORE_DAYS[settings.etcd.snapshots.verify or "weekly"],
        grafana=build_grafana(section.grafana, settings, files),
    )


def _retention_bytes(section: MonitoringSettings) -> int:
    if section.retention_size is not None:
        return quantity.parse_bytes(section.retention_size)
    return quantity.parse_bytes(section.storage.size) * 8 // 10 if section.storage else _DEFAULT_BYTES


def _stores(section: MonitoringSettings, files: Mapping[str, str] | None) -> Iterator[RemoteWrite]:
    for name, store in section.remote_write.items():
        yield RemoteWrite(
            name=name,
            url=store.url,
            username=store.username or "",
            has_token=store.bearer_token is not None,
            ca=files[store.ca_file] if files is not None and store.ca_file else "",
        )


def _receiver(name: str, section: ReceiverSettings) -> Receiver:
    [kind] = section.kinds
    return Receiver(
        name=name,
        kind=kind,
        options=tuple(_options(section)),
        secrets=tuple(
            (field, setting)
            for setting, field in _SECRETS[kind].items()
            if getattr(getattr(section, kind), setting) is not None
        ),
    )


def _options(section: ReceiverSettings) -> Iterator[tuple[str, str]]:
    """Yield the fields of a receiver that are not secret."""
    if section.slack:
        yield "channel", section.slack.channel
    if section.email:
        email = section.email
        yield from (("to", email.to), ("from", email.sender), ("smarthost", email.smarthost))
        if email.username:
            yield "auth_username", email.username


def store_credentials(settings: Settings) -> Credentials:
    """Return the secrets of `remote_write`."""
    section, found = settings.addons.monitoring, Credentials()
    for name, store in section.remote_write.items() if section else ():
        for field in ("password", "bearer_token"):
            value = getattr(store, field)
            if value is not None:
                found[secret_key(name, field)] = (*_SECTION, "remote_write", name, field), value
    return found


def receiver_credentials(settings: Settings) -> Credentials:
    """Return the secrets of receivers of alerts."""
    section, found = settings.addons.monitoring, Credentials()
    for name, receiver in section.receivers.items() if section else ():
        for kind in receiver.kinds:
            for field in _SECRETS[kind]:
                value = getattr(getattr(receiver, kind), field)
                if value is not None:
                    found[secret_key(name, field)] = (*_SECTION, "receivers", name, str(kind), field), value
    return found
