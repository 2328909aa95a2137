"""Conversion of the settings of logs and events to plain data, and their credentials."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import SecretStr

from formats.quantity import parse_bytes
from settings.cluster import Settings
from settings.logs import (
    ElasticsearchServerSettings,
    EventSettings,
    KafkaServersSettings,
    LokiServerSettings,
    LokiStoreSettings,
)
from settings.types import parse_seconds
from topology.logs import (
    Alertmanager,
    Destination,
    ElasticsearchServer,
    EventAlert,
    Events,
    KafkaServers,
    Logs,
    LokiServer,
    LokiStore,
)

_ServerSettings = LokiServerSettings | KafkaServersSettings | ElasticsearchServerSettings
_Files = Mapping[str, str] | None


def build_logs(settings: Settings, files: _Files) -> Logs | None:
    """Return the add-ons that valid settings describe; None for a cluster without them. `files` maps paths
    in the settings to texts; without it receivers have no certificate authority.
    """
    section, events = settings.addons.logs, settings.addons.events
    if section is None:
        return None
    return Logs(
        sources=section.sources,
        exclude_namespaces=section.exclude_namespaces,
        buffer=parse_bytes(section.buffer),
        memory=section.memory,
        loki=_loki(section.loki) if section.loki else None,
        destinations=tuple(
            Destination(name=name, server=_server(server), ca=_text(files, server.ca_file))
            for name, destination in section.to.items()
            for server in destination.servers.values()
        ),
        events=_events(events, files) if events else None,
    )


def _text(files: _Files, path: str | None) -> str:
    return files[path] if files is not None and path else ""


def _loki(section: LokiStoreSettings) -> LokiStore:
    return LokiStore(
        storage=section.storage,
        storage_class=section.storage_class or "",
        retention_hours=parse_seconds(section.retention) // 3600,
        memory=section.memory,
        readers=section.readers,
    )


def _server(section: _ServerSettings) -> LokiServer | KafkaServers | ElasticsearchServer:
    username = section.username or ""
    if isinstance(section, LokiServerSettings):
        return LokiServer(url=section.url, tenant=section.tenant or "", username=username)
    if isinstance(section, KafkaServersSettings):
        return KafkaServers(
            brokers=section.brokers, topic=section.topic, username=username, mechanism=section.mechanism
        )
    return ElasticsearchServer(url=section.url, index=section.index, username=username)


def _events(section: EventSettings, files: _Files) -> Events:
    alerts = tuple(
        EventAlert(
            name=name,
            reasons=alert.reasons,
            namespaces=alert.namespaces,
            count=alert.count,
            window_seconds=parse_seconds(alert.window),
            severity=alert.severity,
        )
        for name, alert in section.alerts.items()
    )
    receiver = section.alertmanager
    if receiver is None:
        return Events(alerts=alerts)
    alertmanager = Alertmanager(
        url=receiver.url, username=receiver.username or "", ca=_text(files, receiver.ca_file)
    )
    return Events(alerts=alerts, alertmanager=alertmanager)


def log_passwords(settings: Settings) -> dict[str, tuple[tuple[str, ...], SecretStr]]:
    """Return the path in the settings and the password of each destination, by its name."""
    section = settings.addons.logs
    return {
        name: (("addons", "logs", "to", name, kind, "password"), server.password)
        for name, destination in (section.to.items() if section else ())
        for kind, server in destination.servers.items()
        if server.password is not None
    }


def alertmanager_password(settings: Settings) -> tuple[tuple[str, ...], SecretStr] | None:
    """Return the path in the settings and the password of Alertmanager; None without one."""
    section = settings.addons.events
    if section is None or section.alertmanager is None or section.alertmanager.password is None:
        return None
    return ("addons", "events", "alertmanager", "password"), section.alertmanager.password
