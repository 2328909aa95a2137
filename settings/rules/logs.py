"""Rules about the add-ons that collect logs and events [H4]."""

from __future__ import annotations

from collections.abc import Iterator

from settings.logs import AlertmanagerSettings
from settings.problem import Problem
from settings.rules.access import namespace_problems
from settings.rules.base import RuleInput, rule
from topology.logs import IN_CLUSTER, NAMESPACE, LogSource

_LOGS = "addons.logs"
_EVENTS = "addons.events"


@rule(needs_valid=(_LOGS,))
def logs_have_a_destination(rule_input: RuleInput) -> Iterator[Problem]:
    """Require Loki in the cluster or a receiver, and one kind for each receiver."""
    section = rule_input.settings.addons.logs
    if section is None:
        return
    if section.loki is None and not section.to:
        yield Problem(_LOGS, "", "has no receiver of logs; add loki or to")
    for name, destination in section.to.items():
        path = f"{_LOGS}.to.{name}"
        if name == IN_CLUSTER:
            yield Problem(path, "", f"the name {IN_CLUSTER} is that of Loki in the cluster; use another name")
        if len(destination.servers) != 1:
            kinds = " and ".join(destination.servers) or "no kind"
            yield Problem(path, "", f"has {kinds}; set one of loki, kafka and elasticsearch")


@rule(needs_valid=(_LOGS,))
def logins_of_receivers_are_complete(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a user and a password, or neither."""
    section = rule_input.settings.addons.logs
    for name, destination in section.to.items() if section else ():
        for kind, server in destination.servers.items():
            path = f"{_LOGS}.to.{name}.{kind}"
            if server.username and server.password is None:
                yield Problem(f"{path}.password", "", "missing; a login needs a password")
            if server.password is not None and not server.username:
                yield Problem(f"{path}.username", "", "missing; the password belongs to a user")


@rule(needs_valid=(_LOGS,))
def lists_of_logs_have_no_repetitions(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse repeated sources, namespaces and brokers, and namespaces that no source has."""
    section = rule_input.settings.addons.logs
    if section is None:
        return
    lists: dict[str, tuple[str, ...]] = {
        "sources": section.sources,
        "exclude_namespaces": section.exclude_namespaces,
        **({"loki.readers": section.loki.readers} if section.loki else {}),
        **{
            f"to.{name}.kafka.brokers": destination.kafka.brokers
            for name, destination in section.to.items()
            if destination.kafka
        },
    }
    for key, values in lists.items():
        for position, value in enumerate(values):
            if value in values[:position]:
                yield Problem(f"{_LOGS}.{key}[{position}]", f'"{value}"', "named twice; remove one")
    if section.exclude_namespaces and LogSource.CONTAINERS not in section.sources:
        yield Problem(
            f"{_LOGS}.exclude_namespaces", "", "has no effect without the source containers; remove it"
        )


@rule(needs_valid=(_LOGS, _EVENTS))
def events_have_logs(rule_input: RuleInput) -> Iterator[Problem]:
    """Require receivers for events, and Loki with Alertmanager for alerts."""
    logs, events = rule_input.settings.addons.logs, rule_input.settings.addons.events
    if events is None:
        return
    if logs is None:
        yield Problem(_EVENTS, "", "needs the receivers of addons.logs; add that")
    elif events.alerts and logs.loki is None:
        yield Problem(f"{_EVENTS}.alerts", "", "needs addons.logs.loki, which evaluates them; add that")
    if events.alerts and events.alertmanager is None:
        yield Problem(f"{_EVENTS}.alertmanager", "", "missing; it receives the alerts")
    if events.alertmanager and not events.alerts:
        yield Problem(f"{_EVENTS}.alertmanager", "", "has no effect without alerts; add some, or remove it")
    if events.alertmanager:
        yield from _login_problems(events.alertmanager)
    for name, alert in events.alerts.items():
        for key, values in (("reasons", alert.reasons), ("namespaces", alert.namespaces)):
            for position, value in enumerate(values):
                if value in values[:position]:
                    path = f"{_EVENTS}.alerts.{name}.{key}[{position}]"
                    yield Problem(path, f'"{value}"', "named twice; remove one")


def _login_problems(section: AlertmanagerSettings) -> Iterator[Problem]:
    path = f"{_EVENTS}.alertmanager"
    if section.username and section.password is None:
        yield Problem(f"{path}.password", "", "missing; a login at Alertmanager needs a password")
    if section.password is not None and not section.username:
        yield Problem(f"{path}.username", "", "missing; the password of Alertmanager belongs to a user")


@rule(needs=(_LOGS, "access.namespaces"), needs_valid=("helm_releases",))
def namespace_belongs_to_logs(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse other settings that create or fill the namespace of logs."""
    settings = rule_input.settings
    if settings.addons.logs is None:
        return
    yield from namespace_problems(settings, NAMESPACE, _LOGS)
