"""Rules about Grafana [H4]."""

from __future__ import annotations

from collections.abc import Iterator

from formats import quantity
from settings.grafana import GrafanaSettings
from settings.problem import Problem
from settings.rules.base import RuleInput, rule
from settings.rules.charts import chart_problems, own_value_problems, refused_value_problems
from topology.grafana import ANY_PERSON, SERIES, VERSION

_SECTION = "addons.monitoring.grafana"
_MIN_VOLUME = 2**30
_OWN_VALUES = {
    ("admin",): "admin_password",
    ("adminPassword",): "admin_password",
    ("grafana.ini", "auth.generic_oauth"): "oidc",
    ("grafana.ini", "server"): "ingress",
    ("ingress",): "ingress",
    ("persistence",): "storage",
    ("extraSecretMounts",): "oidc and logs",
    ("nodeSelector",): "addons.monitoring.pool",
}
"""Values of the chart that follow from other settings."""
_REFUSED_VALUES = {
    ("grafana.ini", "auth.anonymous"): "shows logs and metrics to people without a login",
    ("replicas",): "pods of Grafana do not share their users, so there is one pod",
    ("extraConfigmapMounts",): "would replace the dashboards and data sources of Kubewright",
    ("podLabels",): "could end the access of Grafana to Alertmanager and Loki",
}


def _section(rule_input: RuleInput) -> GrafanaSettings | None:
    monitoring = rule_input.settings.addons.monitoring
    return monitoring.grafana if monitoring else None


@rule(needs_valid=(_SECTION,))
def grafana_has_a_login(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a login, and groups that can use it."""
    section = _section(rule_input)
    if section is None:
        return
    if section.oidc is None:
        if section.admin_password is None:
            yield Problem(_SECTION, "", "has no login; add oidc, admin_password, or both")
        return
    groups = {key: getattr(section.oidc, key) for key in ("admins", "editors", "viewers")}
    if not any(groups.values()):
        yield Problem(
            f"{_SECTION}.oidc",
            "",
            "no person can log in; add the groups of admins, editors or viewers",
        )
    seen: dict[str, str] = {}
    for key, names in groups.items():
        for position, name in enumerate(names):
            path = f"{_SECTION}.oidc.{key}[{position}]"
            if name == ANY_PERSON and key != "viewers":
                yield Problem(path, '"*"', "would give this role to each person; name groups")
            elif name in seen:
                yield Problem(
                    path, f'"{name}"', f"is also in {seen[name]}, which decides; remove one of them"
                )
            seen.setdefault(name, key)


@rule(needs_valid=(_SECTION,), needs=("addons.logs",))
def grafana_has_a_store_of_logs(rule_input: RuleInput) -> Iterator[Problem]:
    """Require Loki in the cluster for logs in Grafana."""
    section, logs = _section(rule_input), rule_input.settings.addons.logs
    if section and section.logs and (logs is None or logs.loki is None):
        yield Problem(
            f"{_SECTION}.logs",
            "true",
            "there is no Loki in the cluster; add addons.logs.loki, or remove logs",
        )


@rule(needs_valid=(_SECTION,))
def grafana_has_space(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a volume that its database fits into."""
    section = _section(rule_input)
    storage = section.storage if section else None
    if storage and quantity.parse_bytes(storage.size) < _MIN_VOLUME:
        yield Problem(
            f"{_SECTION}.storage.size", f'"{storage.size}"', "smaller than 1Gi; give Grafana at least this"
        )


@rule(needs_valid=(_SECTION,))
def chart_of_grafana_is_supported(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a version whose values Kubewright knows, and refuse values that follow from other settings."""
    section = _section(rule_input)
    if section is None:
        return
    yield from chart_problems(_SECTION, section, VERSION, SERIES)
    yield from own_value_problems(_SECTION, section.values, _OWN_VALUES)
    yield from refused_value_problems(_SECTION, section.values, _REFUSED_VALUES)
