"""Rules about the add-on with a web interface for the cluster, by Headlamp [H4]."""

from __future__ import annotations

from collections.abc import Iterator

from settings.problem import Problem, repeated_problems, suggestion
from settings.rules.access import namespace_problems
from settings.rules.base import RuleInput, rule
from settings.rules.charts import chart_problems, own_value_problems, refused_value_problems
from topology.dashboard import NAMESPACE, SERIES, VERSION

_SECTION = "addons.dashboard"
_OWN_VALUES = {
    ("config", "oidc"): "oidc, client_id, client_secret and scopes",
    ("env",): "oidc, client_id, client_secret and scopes",
    ("ingress",): "ingress",
}
"""Values of the chart that follow from other settings."""
_REFUSED_VALUES = {
    ("clusterRoleBinding",): "gives the pod permissions that each visitor could use",
    ("config", "unsafeUseServiceAccountToken"): "gives each visitor the permissions of the pod",
    ("replicaCount",): "only the pod that began a login can complete it, so there is one pod",
}


@rule(needs_valid=(_SECTION, "api.oidc"))
def dashboard_has_a_login(rule_input: RuleInput) -> Iterator[Problem]:
    """Require an issuer of the API servers, and a client whose tokens they accept."""
    settings, section = rule_input.settings, rule_input.settings.addons.dashboard
    if section is None:
        return
    issuers = settings.api.oidc
    if not issuers:
        yield Problem(_SECTION, "", "has no login; add an issuer of your identities to api.oidc")
        return
    if section.oidc is None and len(issuers) > 1:
        yield Problem(f"{_SECTION}.oidc", "", "missing; with several issuers in api.oidc, name one of them")
        return
    name = section.oidc or next(iter(issuers))
    if name not in issuers:
        hint = suggestion(name, issuers, "add it to api.oidc")
        yield Problem(f"{_SECTION}.oidc", f'"{name}"', f"no such issuer of logins; {hint}")
        return
    audiences, path = issuers[name].audiences, f"{_SECTION}.client_id"
    if section.client_id is None and len(audiences) > 1:
        yield Problem(path, "", f"missing; with several audiences of api.oidc.{name}, name one of them")
    elif section.client_id is not None and section.client_id not in audiences:
        yield Problem(
            path,
            f'"{section.client_id}"',
            f"API servers would refuse its tokens; add it to api.oidc.{name}.audiences",
        )
    for key in ("volumes", "volumeMounts") if issuers[name].ca_file else ():
        if key in section.values:
            yield Problem(
                f"{_SECTION}.values.{key}",
                "",
                f"would replace the volume with api.oidc.{name}.ca_file; remove it",
            )


@rule(needs_valid=(_SECTION,))
def scopes_are_listed_once(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse repeated scopes."""
    section = rule_input.settings.addons.dashboard
    yield from repeated_problems(f"{_SECTION}.scopes", section.scopes if section else ())


@rule(needs_valid=(_SECTION,))
def chart_of_headlamp_is_supported(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a version whose values Kubewright knows, and refuse values that follow from other settings."""
    section = rule_input.settings.addons.dashboard
    if section is None:
        return
    yield from chart_problems(_SECTION, section, VERSION, SERIES)
    yield from own_value_problems(_SECTION, section.values, _OWN_VALUES)
    yield from refused_value_problems(_SECTION, section.values, _REFUSED_VALUES)


@rule(needs=(_SECTION, "access.namespaces"), needs_valid=("helm_releases",))
def namespace_belongs_to_the_dashboard(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse other settings that create or fill the namespace of Headlamp."""
    settings = rule_input.settings
    if settings.addons.dashboard is None:
        return
    yield from namespace_problems(settings, NAMESPACE, _SECTION)
