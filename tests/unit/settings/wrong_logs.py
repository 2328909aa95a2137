"""Invalid settings of the add-ons that collect logs and events."""

from __future__ import annotations

from typing import Any

from tests.unit.settings.support import REMOVE, InvalidSettings

LOGS, EVENTS = "addons.logs", "addons.events"
PASSWORD = "not-a-real-password"
STORE: dict[str, Any] = {"storage": "20Gi"}
LOKI: dict[str, Any] = {
    "url": "https://loki.corp.example",
    "tenant": "kubernetes",
    "username": "shipper",
    "password": PASSWORD,
}
KAFKA: dict[str, Any] = {
    "brokers": ["kafka-1.corp.example:9093", "kafka-2.corp.example:9093"],
    "topic": "kubernetes",
    "username": "shipper",
    "password": PASSWORD,
}
ELASTICSEARCH: dict[str, Any] = {
    "url": "https://search.corp.example:9200",
    "index": "kubernetes",
    "username": "shipper",
    "password": PASSWORD,
}
ALERTMANAGER: dict[str, Any] = {
    "url": "https://alerts.corp.example:9093",
    "username": "loki",
    "password": PASSWORD,
}
ALERT: dict[str, Any] = {"reasons": ["FailedScheduling", "FailedMount"], "window": "5m", "count": 3}


def without_removed(section: dict[str, Any]) -> dict[str, Any]:
    """Return a section without the keys whose value is REMOVE."""
    return {key: value for key, value in section.items() if value is not REMOVE}


def settings(**edits: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return settings of logs with changed keys."""
    return without_removed({"loki": STORE} | edits)


def event_settings(**edits: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return settings of events with changed keys."""
    return without_removed({"alerts": {"PodsDoNotStart": ALERT}, "alertmanager": ALERTMANAGER} | edits)


def invalid(path: str, phrase: str, /, **edits: Any) -> InvalidSettings:  # noqa: ANN401 - JSON
    """Return settings whose logs have a problem at `path` below their section."""
    return InvalidSettings(f"{LOGS}.{path}", phrase, {LOGS: settings(**edits)})


def receiver(kind: str, path: str, phrase: str, /, **keys: Any) -> InvalidSettings:  # noqa: ANN401 - JSON
    """Return settings whose only receiver, of a kind, has changed keys and a problem at `path` below it."""
    base = {"loki": LOKI, "kafka": KAFKA, "elasticsearch": ELASTICSEARCH}[kind]
    to = {"central": {kind: without_removed(base | keys)}}
    return invalid(f"to.central.{kind}.{path}", phrase, to=to)


def invalid_events(path: str, phrase: str, /, **edits: Any) -> InvalidSettings:  # noqa: ANN401 - JSON
    """Return settings whose events have a problem at `path` below their section."""
    full = f"{EVENTS}.{path}" if path else EVENTS
    return InvalidSettings(full, phrase, {LOGS: settings(), EVENTS: event_settings(**edits)})


def alert(path: str, phrase: str, /, **keys: Any) -> InvalidSettings:  # noqa: ANN401 - JSON
    """Return settings whose only alert has a problem at `path` below it."""
    return invalid_events(f"alerts.Stuck.{path}", phrase, alerts={"Stuck": ALERT | keys})


LOGS_AND_EVENTS = (
    # Receivers
    InvalidSettings(LOGS, "has no receiver of logs", {LOGS: {}}),
    invalid("to.central", "has no kind; set one of loki, kafka", to={"central": {}}),
    invalid("to.both", "has loki and kafka; set one", to={"both": {"loki": LOKI, "kafka": KAFKA}}),
    invalid("to.cluster", "is that of Loki in the cluster", to={"cluster": {"loki": LOKI}}),
    receiver("loki", "url", "not an https URL", url="http://loki.corp.example"),
    receiver("loki", "tenant", "not a tenant of Loki", tenant="a b"),
    receiver("loki", "password", "missing; a login needs a password", password=REMOVE),
    receiver("loki", "username", "missing; the password belongs to a user", username=REMOVE),
    receiver("loki", "password", "has the character $", password="a${b}"),
    receiver("kafka", "username", "not a user", username="a b"),
    receiver("kafka", "brokers[0]", "not a broker of Kafka", brokers=["kafka-1.corp.example"]),
    receiver("kafka", "brokers[1]", "named twice", brokers=["kafka:9093", "kafka:9093"]),
    receiver("kafka", "topic", "not a topic", topic="a/b"),
    receiver("kafka", "mechanism", "unknown; allowed: PLAIN", mechanism="GSSAPI"),
    receiver("elasticsearch", "index", "not an index", index="Kubernetes"),
    receiver("elasticsearch", "password", "is empty or has spaces", password=" "),
    # Loki in the cluster
    invalid("loki.storage", "missing; add it", loki={}),
    invalid("loki.storage", "too small; allowed: 1Gi or more", loki={"storage": "100Mi"}),
    invalid("loki.retention", "whole hours from 24h", loki=STORE | {"retention": "90m"}),
    invalid("loki.memory", "too small; allowed: 256Mi", loki=STORE | {"memory": "64Mi"}),
    invalid("loki.readers[1]", "named twice", loki=STORE | {"readers": ["grafana", "grafana"]}),
    # The shipper
    invalid("sources[0]", "unknown; allowed: containers, journal, audit", sources=["kernel"]),
    invalid("sources[1]", "named twice", sources=["audit", "audit"]),
    invalid("buffer", "too small; allowed: 256Mi or more", buffer="10Mi"),
    invalid("memory", "too small; allowed: 128Mi or more", memory="20Mi"),
    invalid("exclude_namespaces", "has no effect without", sources=["audit"], exclude_namespaces=["web"]),
    # Events
    InvalidSettings(EVENTS, "needs the receivers of addons.logs", {EVENTS: {}}),
    InvalidSettings(
        f"{EVENTS}.alerts",
        "needs addons.logs.loki",
        {LOGS: settings(loki=REMOVE, to={"central": {"loki": LOKI}}), EVENTS: event_settings()},
    ),
    invalid_events("alertmanager", "missing; it receives the alerts", alertmanager=REMOVE),
    invalid_events("alertmanager", "has no effect without alerts", alerts={}),
    invalid_events(
        "alertmanager.password",
        "missing; a login at Alertmanager",
        alertmanager=without_removed(ALERTMANAGER | {"password": REMOVE}),
    ),
    invalid_events(
        "alertmanager.password", 'has the character " or', alertmanager=ALERTMANAGER | {"password": 'a"b'}
    ),
    invalid_events("alerts", "not a name of an alert", alerts={"no-alert": ALERT}),
    alert("reasons[0]", "not a reason of events", reasons=['x"} or vector(1)']),
    alert("window", "allowed: 1m to 24h", window="10s"),
    alert("reasons[1]", "named twice", reasons=["Failed", "Failed"]),
    # The namespace
    InvalidSettings(
        "access.namespaces.logs", "belongs to addons.logs", {LOGS: settings(), "access.namespaces.logs": {}}
    ),
)
