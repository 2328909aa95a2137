"""Rules about the registries of `oci://` charts and the logins for them."""

from __future__ import annotations

from collections.abc import Iterator

from settings.charts import digest_of, is_oci_reference
from settings.problem import Problem
from settings.registry_logins import RegistryLogin, release_logins
from settings.rules.base import RuleInput, rule


@rule(needs_valid=("helm_releases",))
def registries_have_only_logins(rule_input: RuleInput) -> Iterator[Problem]:
    """Require that the repository of an oci:// chart has a login and nothing else."""
    for name, release in rule_input.settings.helm_releases.items():
        repository = release.repository
        if repository is None or not is_oci_reference(release.chart):
            continue
        path = f"helm_releases.{name}.repository"
        if repository.url:
            yield Problem(
                path,
                "",
                "an oci:// reference names its registry; remove the URL, or write only username and password",
            )
        elif repository.ca_file:
            yield Problem(
                f"{path}.ca_file",
                "",
                "Pulumi does not use it for oci:// charts; remove it, and add the certificate authority to "
                "the authorities of the deployer's system",
            )
        elif repository.username is None and repository.password is None:
            yield Problem(path, "", "is empty; write username and password of the registry, or remove it")
        elif ":" in (repository.username or ""):
            yield Problem(
                f"{path}.username",
                f'"{repository.username}"',
                "contains a colon, which ends the name in a login; use another user of the registry",
            )


@rule(needs=("artifacts",), needs_valid=("helm_releases",))
def mirrored_charts_can_be_found(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a mirror for charts of the mirror, and a version for each of these charts."""
    settings = rule_input.settings
    if settings.artifacts.charts != "mirror":
        return
    if settings.artifacts.mirror is None:
        yield Problem(
            "artifacts.charts",
            '"mirror"',
            "needs artifacts.mirror, where Helm reads the charts; set artifacts.mirror, or remove charts",
        )
    for name, release in settings.helm_releases.items():
        if is_oci_reference(release.chart) and digest_of(release.chart) and not release.version:
            yield Problem(
                f"helm_releases.{name}.version",
                "",
                "missing; artifacts.charts is mirror, and a mirror has charts by version; write the version "
                "of the chart with this digest",
            )


@rule(needs_valid=("helm_releases",))
def registries_have_one_login(rule_input: RuleInput) -> Iterator[Problem]:
    """Require that all releases log in to a registry as the same user, because Helm stores one login."""
    first: dict[str, tuple[str, RegistryLogin]] = {}
    for name, registry, login in release_logins(rule_input.settings):
        other, known = first.setdefault(registry, (name, login))
        if known != login:
            yield Problem(
                f"helm_releases.{name}.repository",
                "",
                f"helm_releases.{other} has another login for {registry}, and Helm stores one login for each "
                "registry; use one user that may read both charts",
            )
