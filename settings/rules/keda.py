"""Rules about the add-on that scales workloads by metrics and events, by KEDA [H2]."""

from __future__ import annotations

from collections.abc import Iterator

from settings.problem import Problem
from settings.rules.access import namespace_problems
from settings.rules.base import RuleInput, rule
from topology.keda import NAMESPACE

_SECTION = "addons.keda"


@rule(needs_valid=(_SECTION,))
def scaled_kinds_are_custom_kinds(rule_input: RuleInput) -> Iterator[Problem]:
    """Require custom resources, each named once."""
    section = rule_input.settings.addons.keda
    for position, kind in enumerate(section.scaled_kinds if section else ()):
        path, group = f"{_SECTION}.scaled_kinds[{position}]", kind.partition(".")[2]
        if section and kind in section.scaled_kinds[:position]:
            yield Problem(path, f'"{kind}"', "named twice; remove one")
        elif group.endswith(".k8s.io"):
            yield Problem(
                path,
                f'"{kind}"',
                "belongs to Kubernetes, whose workloads KEDA scales without this setting; remove it",
            )
        elif group == "keda.sh" or group.endswith(".keda.sh"):
            yield Problem(path, f'"{kind}"', "belongs to KEDA and has no replicas; name a workload")


@rule(needs=(_SECTION,), needs_valid=("helm_releases",))
def chart_of_keda_is_not_installed_too(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse Helm releases of KEDA, because only one program can serve external.metrics.k8s.io."""
    settings = rule_input.settings
    for name, release in settings.helm_releases.items() if settings.addons.keda else ():
        if release.chart.rstrip("/").rpartition("/")[2] == "keda":
            yield Problem(
                f"helm_releases.{name}.chart",
                f'"{release.chart}"',
                f"{_SECTION} is KEDA too, and only one of them can serve its API; remove one",
            )


@rule(needs=(_SECTION, "access.namespaces"), needs_valid=("helm_releases",))
def namespace_belongs_to_keda(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse other settings that create or fill the namespace of KEDA."""
    settings = rule_input.settings
    if settings.addons.keda is None:
        return
    yield from namespace_problems(settings, NAMESPACE, _SECTION)
