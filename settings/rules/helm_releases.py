"""Rules about Helm releases: sources of charts, credentials of repositories, options and order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from settings.charts import digest_of, is_path, needs_repository
from settings.helm_releases import HelmReleaseSettings
from settings.problem import Problem, suggestion
from settings.rules.base import RuleInput, rule

_MAX_RELEASE_NAME = 53  # Helm's limit
_NO_REPOSITORY = "allowed only with a chart's name; remove it for a path"


@rule(needs=("helm_releases",))
def charts_have_sources(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a version for remote charts, and no repository for paths."""
    for name, release in rule_input.settings.helm_releases.items():
        path = f"helm_releases.{name}"
        if len(name) > _MAX_RELEASE_NAME:
            yield Problem(
                path, "", f"too long a name; Helm allows at most {_MAX_RELEASE_NAME} characters; shorten it"
            )
        if is_path(release.chart) and release.repository:
            yield Problem(f"{path}.repository", "", _NO_REPOSITORY)
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
        elif needs_repository(release.chart) and release.repository and not release.repository.url:
            yield Problem(
                f"helm_releases.{name}.repository.url",
                "",
                "missing; the chart is given by its name, so write the URL of its repository",
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


@rule(needs_valid=("helm_releases",))
def options_have_an_effect(rule_input: RuleInput) -> Iterator[Problem]:
    """Require that the options of a release fit its chart and each other."""
    for name, release in rule_input.settings.helm_releases.items():
        path = f"helm_releases.{name}"
        if release.atomic and not release.wait:
            yield Problem(
                f"{path}.atomic",
                "true",
                "waits for the release, but wait is false; remove wait, or set atomic to false",
            )
        is_directory = is_path(release.chart) and not release.chart.endswith((".tgz", ".tar.gz"))
        if release.dependency_update and not is_directory:
            yield Problem(
                f"{path}.dependency_update",
                "true",
                "allowed only for a directory of the checkout, because packaged charts contain their "
                "dependencies; remove it",
            )
        for position, file in enumerate(release.values_files):
            if file in release.values_files[:position]:
                yield Problem(
                    f"{path}.values_files[{position}]",
                    f'"{file}"',
                    "is in the list twice; remove one of them",
                )


@rule(needs_valid=("helm_releases",))
def releases_have_an_order(rule_input: RuleInput) -> Iterator[Problem]:
    """Require that releases wait for other existing releases, and that no releases wait for each other."""
    releases = rule_input.settings.helm_releases
    for name, release in releases.items():
        for position, other in enumerate(release.after):
            path, value = f"helm_releases.{name}.after[{position}]", f'"{other}"'
            if other == name:
                yield Problem(path, value, "a release cannot wait for itself; remove it")
            elif other not in releases:
                hint = suggestion(other, releases, "add it to helm_releases, or remove it")
                yield Problem(path, value, f"no such release; {hint}")
            elif other in release.after[:position]:
                yield Problem(path, value, "this release is named twice; remove one of them")
    for cycle in _cycles(releases):
        yield Problem(
            f"helm_releases.{cycle[0]}.after",
            "",
            f"{' -> '.join((*cycle, cycle[0]))}: these releases wait for each other; remove one from after",
        )


def _cycles(releases: Mapping[str, HelmReleaseSettings]) -> Iterator[tuple[str, ...]]:
    """Yield cycles of at least two releases that wait for each other; each release is in at most one."""
    done: set[str] = set()
    for start in releases:
        # A path of releases, each with the releases that it waits for and that were not visited yet.
        trail = {} if start in done else {start: iter(releases[start].after)}
        while trail:
            name = next(reversed(trail))
            other = next(trail[name], None)
            if other is None:
                done.add(name)
                del trail[name]
            elif other in trail and other != name:
                names = [*trail]
                cycle = tuple(names[names.index(other) :])
                if not done.intersection(cycle):
                    yield cycle
                done.update(cycle)
            elif other in releases and other not in done and other not in trail:
                trail[other] = iter(releases[other].after)
