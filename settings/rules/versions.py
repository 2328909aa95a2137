"""Rules about versions: supported versions, and versions that work together."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.version import Version

from artifacts import catalogue
from settings.problem import Problem
from settings.rules.base import RuleInput, rule
from settings.versions import VersionSettings

# Oldest version of components for each minor version of Kubernetes.
# Kubernetes 1.36: etcd 3.6 (progress notifications of watches), containerd 2.0 (1.x support ended with 1.35).
_MIN_VERSIONS = {
    "1.35": {"etcd": "3.5", "containerd": "1.7"},
    "1.36": {"etcd": "3.6", "containerd": "2.0"},
}
_MAX_KUBELET_SKEW = 3


@rule(needs=("kubernetes",))
def versions_are_supported(rule_input: RuleInput) -> Iterator[Problem]:
    """Require versions that are in the catalogue and work with the version of Kubernetes."""
    versions = rule_input.settings.kubernetes
    kubernetes = Version(versions.version)
    minimums = _MIN_VERSIONS.get(f"{kubernetes.major}.{kubernetes.minor}", {})
    for field in VersionSettings.model_fields:
        version: str = getattr(versions, field)
        minimum = minimums.get(field)
        if minimum and Version(version) < Version(minimum):
            yield Problem(
                f"kubernetes.{field}",
                f'"{version}"',
                f"too old for Kubernetes {versions.version}, which needs {minimum} or later",
            )
            continue
        supported = catalogue.supported_versions("kubernetes" if field == "version" else field)
        if version not in supported:
            yield Problem(
                f"kubernetes.{field}",
                f'"{version}"',
                f"not in the catalogue; allowed: {', '.join(supported)}",
            )


@rule(needs=("kubernetes.version", "pools"))
def pool_versions_follow_skew_policy(rule_input: RuleInput) -> Iterator[Problem]:
    """Require kubelets that are not newer than the API servers, and at most three minor versions older.

    Source: https://kubernetes.io/releases/version-skew-policy
    """
    server = rule_input.settings.kubernetes.version
    supported = catalogue.supported_versions("kubernetes")
    for name, pool in rule_input.settings.pools.items():
        version = pool.kubernetes_version
        if version is None:
            continue
        path, shown = f"pools.{name}.kubernetes_version", f'"{version}"'
        if Version(version) > Version(server):
            yield Problem(
                path, shown, f"newer than the API servers' {server}; change kubernetes.version first"
            )
        elif Version(server).minor - Version(version).minor > _MAX_KUBELET_SKEW:
            yield Problem(
                path,
                shown,
                f"more than {_MAX_KUBELET_SKEW} minor versions behind the API servers' {server}; "
                "change the pool first",
            )
        elif version not in supported:
            yield Problem(path, shown, f"not in the catalogue; allowed: {', '.join(supported)}")
