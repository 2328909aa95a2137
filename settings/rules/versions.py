"""Rules about versions: what the catalogue has, and what goes together."""

from __future__ import annotations

from collections.abc import Iterator

from artifacts import catalogue
from settings.problem import Problem
from settings.rules.base import Subject, rule
from settings.versions import VersionSettings

# From which minor version of a component each minor version of Kubernetes needs.
# Kubernetes 1.36: etcd 3.6 (it uses its streams of progress), containerd 2.0 (1.x support ended with 1.35).
_LEAST = {
    (1, 35): {"etcd": (3, 5), "containerd": (1, 7)},
    (1, 36): {"etcd": (3, 6), "containerd": (2, 0)},
}
_KUBELET_BEHIND = 3


@rule(needs=("kubernetes",))
def versions_are_known(subject: Subject) -> Iterator[Problem]:
    """Each version is one the catalogue has, and goes with the version of Kubernetes."""
    versions = subject.settings.kubernetes
    for field in VersionSettings.model_fields:
        version: str = getattr(versions, field)
        least = _least(versions.version, field)
        if least and _minor(version) < least:
            yield Problem(
                f"kubernetes.{field}",
                f'"{version}"',
                f"too old for Kubernetes {versions.version}, which needs {least[0]}.{least[1]} or later",
            )
            continue
        known = catalogue.supported("kubernetes" if field == "version" else field)
        if version not in known:
            yield Problem(
                f"kubernetes.{field}", f'"{version}"', f"not in the catalogue; allowed: {', '.join(known)}"
            )


def _least(kubernetes: str, field: str) -> tuple[int, int] | None:
    return _LEAST.get(_minor(kubernetes), {}).get(field)


def _minor(version: str) -> tuple[int, int]:
    major, minor, _ = version.split(".")
    return int(major), int(minor)


@rule(needs=("kubernetes.version", "pools"))
def pools_stay_close(subject: Subject) -> Iterator[Problem]:
    """A pool's kubelets are never newer than the API servers, and at most three minor versions older.

    From the version skew policy (kubernetes.io/releases/version-skew-policy).
    """
    server = subject.settings.kubernetes.version
    known = catalogue.supported("kubernetes")
    for name, pool in subject.settings.pools.items():
        version = pool.kubernetes_version
        if version is None:
            continue
        path, shown = f"pools.{name}.kubernetes_version", f'"{version}"'
        if numbers(version) > numbers(server):
            yield Problem(
                path, shown, f"newer than the API servers' {server}; change kubernetes.version first"
            )
        elif _minor(server)[1] - _minor(version)[1] > _KUBELET_BEHIND:
            yield Problem(
                path,
                shown,
                f"more than {_KUBELET_BEHIND} minor versions behind the API servers' {server}; "
                "change the pool first",
            )
        elif version not in known:
            yield Problem(path, shown, f"not in the catalogue; allowed: {', '.join(known)}")


def numbers(version: str) -> tuple[int, ...]:
    """A version to compare."""
    return tuple(int(part) for part in version.split("."))
