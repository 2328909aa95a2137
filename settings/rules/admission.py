"""Rules about admission plugins of the API server [D1]."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.version import Version

from settings.admission import EVENT_RATE_LIMIT, FIRST_VERSIONS, REQUIRED_PLUGINS
from settings.problem import Problem
from settings.rules.base import RuleInput, rule


@rule(
    needs=("api", "kubernetes.version"),
    needs_valid=("api.admission_plugins", "api.disabled_admission_plugins"),
)
def plugins_exist_in_version(rule_input: RuleInput) -> Iterator[Problem]:
    """Require plugins that the Kubernetes version has: an API server does not start with an unknown name."""
    settings = rule_input.settings
    for key in ("admission_plugins", "disabled_admission_plugins"):
        for position, plugin in enumerate(getattr(settings.api, key)):
            first = FIRST_VERSIONS.get(plugin)
            if first and Version(settings.kubernetes.version) < Version(first):
                yield Problem(
                    f"api.{key}[{position}]",
                    f'"{plugin}"',
                    f"not a plugin of Kubernetes {settings.kubernetes.version}; it exists since {first}; "
                    "remove it, or upgrade first",
                )


@rule(needs=("api",), needs_valid=("api.admission_plugins", "api.disabled_admission_plugins"))
def required_plugins_are_enabled(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse to disable plugins that the security of the cluster depends on, and contradictions."""
    api = rule_input.settings.api
    explicit = api.admission_plugins if "admission_plugins" in api.model_fields_set else ()
    for position, plugin in enumerate(api.disabled_admission_plugins):
        path = f"api.disabled_admission_plugins[{position}]"
        if plugin in REQUIRED_PLUGINS:
            yield Problem(path, f'"{plugin}"', f"cannot be disabled: {REQUIRED_PLUGINS[plugin]}; remove it")
        elif plugin in explicit:
            yield Problem(path, f'"{plugin}"', "also in api.admission_plugins; remove one of them")
        elif plugin in api.disabled_admission_plugins[:position]:
            yield Problem(path, f'"{plugin}"', "named twice; remove one")


@rule(needs=("api",), needs_valid=("api.admission_plugins", "api.event_rate_limits"))
def event_limits_are_complete(rule_input: RuleInput) -> Iterator[Problem]:
    """Require limits for the plugin EventRateLimit, without which the API server does not start."""
    api = rule_input.settings.api
    if EVENT_RATE_LIMIT in api.admission_plugins and not api.event_rate_limits:
        yield Problem(
            "api.event_rate_limits",
            "",
            f"missing; {EVENT_RATE_LIMIT} needs limits, such as [{{type: Server, qps: 50, burst: 200}}]",
        )
    types = [limit.type for limit in api.event_rate_limits]
    for position, limit in enumerate(api.event_rate_limits):
        path = f"api.event_rate_limits[{position}]"
        if limit.type in types[:position]:
            yield Problem(f"{path}.type", f'"{limit.type}"', "has a limit already; remove one of them")
        if limit.type == "Server" and limit.cache_size is not None:
            yield Problem(
                f"{path}.cache_size", str(limit.cache_size), "has no effect for the type Server; remove it"
            )


@rule(needs=("api",), needs_valid=("api.disabled_admission_plugins", "api.event_rate_limits"))
def limits_have_a_plugin(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse limits for events while their plugin is disabled."""
    api = rule_input.settings.api
    if EVENT_RATE_LIMIT in api.disabled_admission_plugins and api.event_rate_limits:
        yield Problem(
            "api.event_rate_limits",
            "",
            f"{EVENT_RATE_LIMIT} is in api.disabled_admission_plugins; remove it there, or remove the limits",
        )
