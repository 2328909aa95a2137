"""Invalid settings of the add-on that monitors the cluster."""

from __future__ import annotations

from typing import Any

from tests.unit.settings.support import REMOVE, InvalidSettings

SECTION = "addons.monitoring"
TOKEN = "not-a-real-token"
URL = "https://hooks.example/services/not-a-real-secret"
WEBHOOK: dict[str, Any] = {"webhook": {"url": URL}}
EMAIL: dict[str, Any] = {
    "to": "oncall@corp.example",
    "sender": "kubewright@corp.example",
    "smarthost": "smtp.corp.example:587",
}
STORE: dict[str, Any] = {"url": "https://mimir.example/api/v1/push"}


def settings(**edits: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return settings of the add-on with changed keys."""
    return {"kube_state_metrics": False, **edits}


def full() -> dict[str, Any]:
    """Return settings of the add-on with each kind of receivers, two stores and volumes."""
    return settings(
        storage={"size": "20Gi", "storage_class": "fast"},
        replicas=2,
        alertmanager_replicas=2,
        pods=True,
        remote_write={
            "central": STORE | {"username": "kubewright", "password": "store-secret"},
            "other": {"url": "https://thanos.example/api/v1/receive", "bearer_token": "store-bearer"},
        },
        receivers={
            "oncall": {"pagerduty": {"routing_key": "pagerduty-key"}},
            "chat": {"slack": {"api_url": "https://hooks.example/slack-url", "channel": "#alerts"}},
            "hook": {"webhook": {"url": "https://hooks.example/hook-url", "bearer_token": "hook-secret"}},
            "mail": {"email": EMAIL | {"username": "kubewright", "password": "smtp-secret"}},
        },
        default_receiver="chat",
        routes=[{"matchers": ['severity="critical"'], "receiver": "oncall"}],
    )


SECRETS = (
    *("store-secret", "store-bearer", "pagerduty-key", "hooks.example/slack-url"),
    *("hooks.example/hook-url", "hook-secret", "smtp-secret"),
)
"""Parts of the secrets in `full`."""


def invalid(path: str, phrase: str, /, **edits: Any) -> InvalidSettings:  # noqa: ANN401 - JSON
    """Return settings whose add-on has a problem at `path` below its section."""
    return InvalidSettings(f"{SECTION}.{path}", phrase, {SECTION: settings(**edits)})


def receiver(path: str, phrase: str, /, **kinds: Any) -> InvalidSettings:  # noqa: ANN401 - JSON
    """Return settings whose only receiver has a problem at `path` below it."""
    full_path = f"receivers.oncall.{path}" if path else "receivers.oncall"
    return invalid(full_path, phrase, receivers={"oncall": kinds})


def store(path: str, phrase: str, /, **keys: Any) -> InvalidSettings:  # noqa: ANN401 - JSON
    """Return settings whose only store has a problem at `path` below it."""
    values = {key: value for key, value in (STORE | keys).items() if value is not REMOVE}
    return invalid(f"remote_write.central.{path}", phrase, remote_write={"central": values})


TWO = {"oncall": WEBHOOK, "chat": WEBHOOK}
MONITORING = (
    # Prometheus
    invalid("retention", '"30m": shorter than 1h', retention="30m"),
    invalid("retention", '"15d": not a duration', retention="15d"),
    invalid("retention_size", '"0": keeps no metrics', retention_size="0"),
    invalid("retention_size", "more than 90 % of storage.size", retention_size="50Gi", storage={}),
    invalid("retention_size", '"20GB": not a quantity', retention_size="20GB"),
    invalid("storage.size", '"100Mi": smaller than 1Gi', storage={"size": "100Mi"}),
    invalid("storage.storage_class", '"Fast": not a DNS label', storage={"storage_class": "Fast"}),
    invalid("interval", '"1s": allowed: 5s to 5m', interval="1s"),
    invalid("interval", '"1h": allowed: 5s to 5m', interval="1h"),
    invalid("replicas", "0", replicas=0),
    invalid("alertmanager_replicas", "9", alertmanager_replicas=9),
    invalid("memory", '"64Mi": less than 256Mi', memory="64Mi"),
    invalid("cpu", '"0": requests no CPU', cpu="0"),
    invalid("pool", '"worker": no such pool of workers for Prometheus; did you mean workers?', pool="worker"),
    invalid("dashboards", "unknown", dashboards=True),
    # Stores
    store("url", '"http://mimir.example": not an https URL', url="http://mimir.example"),
    store("url", "missing; add it", url=REMOVE),
    store("password", "missing; username needs it", username="kubewright"),
    store("username", "missing; password needs it", password=TOKEN),
    store(
        "bearer_token",
        "username or password is also set; keep one kind",
        username="kubewright",
        password=TOKEN,
        bearer_token=TOKEN,
    ),
    store("bearer_token", "is empty or has spaces; give the credential", bearer_token="two words"),
    # Receivers
    receiver("", "needs webhook, slack, pagerduty or email"),
    receiver("", "webhook and pagerduty are set; keep one", **WEBHOOK, pagerduty={"routing_key": TOKEN}),
    receiver("webhook.url", "not a URL; allowed: https://HOST/PATH", webhook={"url": "hooks.example"}),
    receiver("webhook.url", "is empty or has spaces; give the URL", webhook={"url": ""}),
    receiver("slack.channel", "missing; add it", slack={"api_url": URL}),
    receiver("pagerduty.routing_key", "is empty or has spaces", pagerduty={"routing_key": ""}),
    receiver("email.to", '"oncall": not a mail address', email=EMAIL | {"to": "oncall"}),
    receiver("email.smarthost", '"smtp": not a mail server', email=EMAIL | {"smarthost": "smtp"}),
    receiver("email.password", "missing; username and password belong", email=EMAIL | {"username": "me"}),
    receiver("email.username", "missing; username and password belong", email=EMAIL | {"password": TOKEN}),
    receiver("teams", "unknown", teams={"url": URL}),
    invalid("default_receiver", "missing; with several receivers", receivers=TWO),
    invalid(
        "default_receiver",
        '"chatt": no such receiver of alerts; did you mean chat?',
        receivers=TWO,
        default_receiver="chatt",
    ),
    invalid(
        "routes[0].receiver",
        '"pager": no such receiver of alerts',
        receivers={"chat": WEBHOOK},
        routes=[{"matchers": ['severity="critical"'], "receiver": "pager"}],
    ),
    invalid(
        "routes[0].matchers[0]",
        '"severity=critical": not a matcher',
        receivers={"chat": WEBHOOK},
        routes=[{"matchers": ["severity=critical"], "receiver": "chat"}],
    ),
    invalid(
        "routes[0].matchers",
        "must have at least 1 entry",
        receivers={"chat": WEBHOOK},
        routes=[{"matchers": [], "receiver": "chat"}],
    ),
    invalid("repeat_interval", '"1m": shorter than 5m', repeat_interval="1m"),
    # Namespace and ports
    InvalidSettings(
        "access.namespaces.monitoring",
        "belongs to addons.monitoring",
        {SECTION: settings(), "access.namespaces": {"monitoring": {}}},
    ),
    InvalidSettings(
        "helm_releases.grafana.namespace",
        '"monitoring": belongs to addons.monitoring',
        {
            SECTION: settings(),
            "helm_releases.grafana": {
                "chart": "./grafana",
                "namespace": "monitoring",
                "create_namespace": True,
            },
        },
    ),
)
