"""Rules about digests of charts, labels of namespaces, and registries."""

from __future__ import annotations

import re
from collections.abc import Iterator

from settings.charts import charts_of, digest_of, is_oci_reference
from settings.problem import Problem
from settings.rules.base import BUILT_IN_NAMESPACES, RuleInput, rule

_DIGEST = r"sha256:[0-9a-f]{64}"


@rule(needs=("helm_releases", "network.cni", "network.cilium"))
def chart_digests_are_valid(rule_input: RuleInput) -> Iterator[Problem]:
    """Require that a digest of a chart is a sha256 digest in an oci:// reference."""
    for path, chart in charts_of(rule_input.settings):
        digest = digest_of(chart)
        if digest is None:
            continue
        if not is_oci_reference(chart):
            yield Problem(
                path,
                "",
                "only oci:// references have digests; remove @ and what follows, or give the chart's oci:// "
                "reference",
            )
        elif not re.fullmatch(_DIGEST, digest):
            yield Problem(path, f'"{chart}"', "no digest after @; write sha256: and 64 of 0-9 and a-f")


@rule(needs=("access.namespaces",), needs_valid=("helm_releases",))
def labeled_namespaces_have_one_owner(rule_input: RuleInput) -> Iterator[Problem]:
    """Require that the labels of a namespace come from one setting, and that a release creates it."""
    settings = rule_input.settings
    owners: dict[str, str] = {}
    for name, release in settings.helm_releases.items():
        if not release.namespace_labels:
            continue
        path = f"helm_releases.{name}.namespace_labels"
        if not release.create_namespace:
            yield Problem(path, "", "set labels only with create_namespace: true; add it")
        elif release.namespace in settings.access.namespaces:
            yield Problem(
                path, "", f"access.namespaces has {release.namespace}; set its labels there and remove these"
            )
        elif release.namespace in BUILT_IN_NAMESPACES:
            yield Problem(
                path,
                "",
                f"{release.namespace} exists in every cluster; choose another namespace, or remove them",
            )
        elif release.namespace in owners:
            yield Problem(
                path,
                "",
                f"the release {owners[release.namespace]} sets the labels of {release.namespace}; "
                "remove one of them",
            )
        owners.setdefault(release.namespace, name)


@rule(needs=("registries",))
def credentials_are_complete(rule_input: RuleInput) -> Iterator[Problem]:
    """Require that a registry has both a user and a password, or neither."""
    for name, registry in rule_input.settings.registries.items():
        if (registry.username is None) != (registry.password is None):
            missing = "username" if registry.username is None else "password"
            yield Problem(f"registries.{name}.{missing}", "", "missing; username and password go together")
