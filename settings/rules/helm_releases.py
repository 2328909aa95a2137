"""Rules about Helm releases: sources of charts, and credentials of repositories."""

from __future__ import annotations

from collections.abc import Iterator

from settings.charts import digest_of, is_oci_reference, is_path, needs_repository
from settings.problem import Problem
from settings.rules.base import RuleInput, rule

_MAX_RELEASE_NAME = 53  # Helm's limit
_NO_REPOSITORY = "allowed only with a chart's name; remove it for a path or oci:// reference"
_OCI_LOGIN = (
    "the kubernetes plugin does not log in to registries of oci:// charts; remove it, and run helm registry "
    "login on the deployer before each run"
)


@rule(needs=("helm_releases",))
def charts_have_sources(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a version for remote charts, and no repository for paths and oci:// references."""
    for name, release in rule_input.settings.helm_releases.items():
        path = f"helm_releases.{name}"
        if len(name) > _MAX_RELEASE_NAME:
            yield Problem(
                path, "", f"too long a name; Helm allows at most {_MAX_RELEASE_NAME} characters; shorten it"
            )
        if not needs_repository(release.chart) and (repository := release.repository):
            with_login = is_oci_reference(release.chart) and repository.username
            yield Problem(f"{path}.repository", "", _OCI_LOGIN if with_login else _NO_REPOSITORY)
        if not is_path(release.chart) and not digest_of(release.chart) and not release.version:
            yield Problem(
                f"{path}.version",
                "",
                "missing; add it, because without it two runs could install different charts",
            )


@rule(needs_valid=("helm_releases",))
def charts_by_name_have_repositories(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a repository for charts by name."""
    for name, release in rule_input.settings.helm_releases.items():
        if needs_repository(release.chart) and not release.repository:
            yield Problem(
                f"helm_releases.{name}.repository",
                "",
                "missing; the chart is given by its name. For a directory of the checkout begin with ./",
            )


@rule(needs_valid=("helm_releases",))
def repository_credentials_are_complete(rule_input: RuleInput) -> Iterator[Problem]:
    """Require that a chart repository has both a user and a password, or neither."""
    for name, release in rule_input.settings.helm_releases.items():
        repository = release.repository
        if repository is None:
            continue
        path = f"helm_releases.{name}.repository"
        if (repository.username is None) != (repository.password is None):
            missing = "username" if repository.username is None else "password"
            yield Problem(f"{path}.{missing}", "", "missing; a repository needs username and password")
        if repository.password is not None and not repository.password.get_secret_value():
            yield Problem(f"{path}.password", "", "empty; give the password, or remove username and password")
