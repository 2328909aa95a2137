"""Rules about Helm releases, mirrors and registries."""

from __future__ import annotations

from collections.abc import Iterator

from settings.problem import Problem
from settings.rules.base import Subject, rule


@rule(needs=("helm_releases",))
def charts_can_be_found(subject: Subject) -> Iterator[Problem]:
    """A chart by name needs its repository and version; a path or oci:// reference needs no repository."""
    for name, release in subject.settings.helm_releases.items():
        path = f"helm_releases.{name}"
        if len(name) > 53:
            yield Problem(path, "", "Helm allows at most 53 characters in a release's name")
        by_itself = release.is_path or release.chart.startswith("oci://")
        if by_itself and release.repository:
            yield Problem(
                f"{path}.repository",
                "",
                "goes with a chart's name only; leave it out for a path or oci:// reference",
            )
        if not by_itself and not release.repository:
            yield Problem(
                f"{path}.repository",
                "",
                "missing; the chart is given by its name. For a directory of the checkout write ./ before it",
            )
        if not release.is_path and not release.version:
            yield Problem(
                f"{path}.version", "", "missing; without it two deployments could install different charts"
            )


@rule(needs=("registries",))
def credentials_are_pairs(subject: Subject) -> Iterator[Problem]:
    """A user needs a password and the other way round."""
    for name, registry in subject.settings.registries.items():
        if (registry.username is None) != (registry.password is None):
            missing = "username" if registry.username is None else "password"
            yield Problem(f"registries.{name}.{missing}", "", "missing; username and password go together")


@rule(needs=("artifacts",))
def authority_has_a_mirror(subject: Subject) -> Iterator[Problem]:
    """A private authority vouches for a mirror, never for upstream's own places."""
    artifacts = subject.settings.artifacts
    if artifacts.mirror:
        return
    if artifacts.ca_file:
        yield Problem("artifacts.ca_file", "", "given without a mirror; add artifacts.mirror or remove it")
    if artifacts.index:
        yield Problem("artifacts.index", "", "is a mirror's; add artifacts.mirror, where its files are")
