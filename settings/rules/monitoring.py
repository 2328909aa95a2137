"""Rules about the add-on that monitors the cluster, by Prometheus and Alertmanager [H4]."""

from __future__ import annotations

from collections.abc import Iterator

from formats import quantity
from settings.monitoring import MonitoringSettings, RemoteWriteSettings
from settings.problem import Problem, suggestion
from settings.rules.access import namespace_problems
from settings.rules.base import RuleInput, rule
from topology.monitoring import NAMESPACE

_SECTION = "addons.monitoring"
_MIN_VOLUME = 2**30
_MIN_MEMORY = 256 * 2**20


@rule(needs_valid=(_SECTION,))
def metrics_fit_into_their_volume(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a size of metrics that leaves space in the volume for the log of new samples."""
    section = rule_input.settings.addons.monitoring
    if section is None:
        return
    size = quantity.parse_bytes(section.storage.size) if section.storage else None
    if section.storage and size is not None and size < _MIN_VOLUME:
        yield Problem(
            f"{_SECTION}.storage.size", f'"{section.storage.size}"', "smaller than 1Gi; metrics do not fit"
        )
    kept = quantity.parse_bytes(section.retention_size) if section.retention_size is not None else None
    path, value = f"{_SECTION}.retention_size", f'"{section.retention_size}"'
    if kept == 0:
        yield Problem(path, value, "keeps no metrics; give a size, or remove it")
    elif kept is not None and size is not None and kept * 10 > size * 9:
        yield Problem(
            path,
            value,
            "more than 90 % of storage.size; the log of new samples needs the rest, reduce it",
        )


@rule(needs_valid=(_SECTION,))
def prometheus_has_memory(rule_input: RuleInput) -> Iterator[Problem]:
    """Require memory with which Prometheus can start."""
    section = rule_input.settings.addons.monitoring
    if section and quantity.parse_bytes(section.memory) < _MIN_MEMORY:
        yield Problem(
            f"{_SECTION}.memory",
            f'"{section.memory}"',
            "less than 256Mi; Prometheus would be killed at its start",
        )
    if section and quantity.parse_quantity(section.cpu) == 0:
        yield Problem(f"{_SECTION}.cpu", f'"{section.cpu}"', "requests no CPU; give at least 10m")


@rule(needs=(_SECTION,), needs_valid=("pools",))
def monitoring_pool_has_nodes(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a pool of workers that can have nodes."""
    settings, path = rule_input.settings, f"{_SECTION}.pool"
    name = settings.addons.monitoring.pool if settings.addons.monitoring else None
    if name is None:
        return
    pool = settings.pools.get(name)
    if pool is None:
        hint = suggestion(name, settings.pools, "add it to pools")
        yield Problem(path, f'"{name}"', f"no such pool of workers for Prometheus; {hint}")
    elif not pool.max_nodes or (pool.size and not pool.size.min):
        yield Problem(path, f'"{name}"', f"can have no nodes for Prometheus; give pools.{name} at least one")


@rule(needs_valid=(_SECTION,))
def remote_stores_have_one_credential(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a user together with a password, and refuse a token beside them."""
    section = rule_input.settings.addons.monitoring
    for name, store in section.remote_write.items() if section else ():
        path = f"{_SECTION}.remote_write.{name}"
        if store.username and store.password is None:
            yield Problem(f"{path}.password", "", "missing; username needs it")
        if store.password is not None and not store.username:
            yield Problem(f"{path}.username", "", "missing; password needs it")
        if store.bearer_token is not None and _has_user(store):
            yield Problem(
                f"{path}.bearer_token", "", "username or password is also set; keep one kind of credentials"
            )


def _has_user(store: RemoteWriteSettings) -> bool:
    return bool(store.username) or store.password is not None


@rule(needs_valid=(_SECTION,))
def receivers_have_one_kind(rule_input: RuleInput) -> Iterator[Problem]:
    """Require one kind for each receiver, and what the kind needs."""
    section = rule_input.settings.addons.monitoring
    for name, receiver in section.receivers.items() if section else ():
        path = f"{_SECTION}.receivers.{name}"
        if not receiver.kinds:
            yield Problem(path, "", "needs webhook, slack, pagerduty or email; add one of them")
        elif len(receiver.kinds) > 1:
            kinds = " and ".join(receiver.kinds)
            yield Problem(path, "", f"{kinds} are set; keep one, and use another name for the other")
        if receiver.email and bool(receiver.email.username) != (receiver.email.password is not None):
            missing = "password" if receiver.email.username else "username"
            yield Problem(f"{path}.email.{missing}", "", "missing; username and password belong together")


@rule(needs_valid=(_SECTION,))
def routes_end_at_receivers(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a default receiver, and receivers that exist."""
    section = rule_input.settings.addons.monitoring
    if section is None:
        return
    if section.default_receiver is None and len(section.receivers) > 1:
        yield Problem(
            f"{_SECTION}.default_receiver", "", "missing; with several receivers, other alerts need one"
        )
    for path, name in _named_receivers(section):
        if name not in section.receivers:
            hint = suggestion(name, section.receivers, f"add it to {_SECTION}.receivers")
            yield Problem(path, f'"{name}"', f"no such receiver of alerts; {hint}")


def _named_receivers(section: MonitoringSettings) -> Iterator[tuple[str, str]]:
    """Yield the path and name of each receiver that other settings name."""
    if section.default_receiver is not None:
        yield f"{_SECTION}.default_receiver", section.default_receiver
    for position, route in enumerate(section.routes):
        yield f"{_SECTION}.routes[{position}].receiver", route.receiver


@rule(needs=(_SECTION, "access.namespaces"), needs_valid=("helm_releases",))
def namespace_belongs_to_monitoring(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse other settings that create or fill the namespace of the add-on."""
    settings = rule_input.settings
    if settings.addons.monitoring is None:
        return
    yield from namespace_problems(settings, NAMESPACE, _SECTION)
