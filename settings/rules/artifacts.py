"""Rules about the source of binaries."""

from __future__ import annotations

from collections.abc import Iterator

from settings.problem import Problem
from settings.rules.base import RuleInput, rule


@rule(needs=("artifacts.mirror", "artifacts.store", "artifacts.ca_file", "metal"))
def binaries_have_one_source(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a mirror or, in a cloud, the cluster's own store.

    flanneld, kube-router, the netfilter tools, the host program and the CSR approver have no official
    downloads.
    """
    settings = rule_input.settings
    artifacts = settings.artifacts
    if artifacts.store is None and artifacts.mirror is None:
        yield Problem(
            "artifacts.mirror",
            "",
            "missing; create a mirror (kubewright mirror) and give its URL, such as https://mirror.example, "
            "or, in a cloud, set artifacts.store: own",
        )
    elif artifacts.store and settings.metal:
        yield Problem(
            "artifacts.store",
            f'"{artifacts.store}"',
            "existing hosts have no store of the cluster; remove it and set artifacts.mirror",
        )
    elif artifacts.store and artifacts.mirror:
        yield Problem(
            "artifacts.store",
            f'"{artifacts.store}"',
            "artifacts.mirror is also set, and hosts fetch from one source; remove one of them",
        )
    elif artifacts.store and artifacts.ca_file:
        yield Problem(
            "artifacts.ca_file",
            f'"{artifacts.ca_file}"',
            "the authority of a mirror, but artifacts.store is set; remove it",
        )
