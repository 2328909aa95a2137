"""Rules about volumes that are directories on the disks of nodes [H3]."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from settings.cluster import CLOUD_SECTIONS, Settings
from settings.problem import Problem, suggestion
from settings.rules.access import namespace_problems
from settings.rules.base import RuleInput, rule
from settings.storage_local import LocalStorageSettings
from topology.storage import LOCAL_NAMESPACE, VOLUMES, BindingMode

_SECTION = "storage.local"
_CONTROL_PLANES = "control-plane"
_NO_DIRECTORY = "no node has a directory, so that no claim gets a volume; add a directory"
_SYSTEM_DIRECTORIES = (
    *("/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/root", "/run", "/sbin", "/sys", "/tmp"),
    *("/usr", "/var/log", "/var/run", "/var/tmp"),
)
"""Directories of the operating system. Some are emptied at boot."""
_CLUSTER_DIRECTORIES = (
    *("/var/lib/kubewright", "/var/lib/kubewright-data", "/var/lib/kubelet", "/var/lib/containerd"),
    *("/var/lib/etcd", "/var/lib/etcd-snapshots", "/var/lib/cni"),
)
"""Directories whose content Kubewright or the components of the cluster remove."""


@rule(needs_valid=(_SECTION,))
def local_volumes_wait_for_pods(rule_input: RuleInput) -> Iterator[Problem]:
    """Require that a volume is made when its pod has a node, because the node decides where it is."""
    section = rule_input.settings.storage.local
    if section and section.binding_mode is BindingMode.IMMEDIATE:
        yield Problem(
            f"{_SECTION}.binding_mode",
            '"Immediate"',
            "a local volume is on the node of its pod, which is not known at once; use WaitForFirstConsumer",
        )


@rule(needs_valid=(_SECTION,))
def local_directories_are_free(rule_input: RuleInput) -> Iterator[Problem]:
    """Require directories that nothing else empties, and that do not contain each other."""
    section = rule_input.settings.storage.local
    for path, directories in _lists(section):
        for position, directory in enumerate(directories):
            problem = _directory_problem(directory, directories[:position])
            if problem:
                yield Problem(f"{path}[{position}]", f'"{directory}"', problem)


@rule(needs_valid=(_SECTION, *CLOUD_SECTIONS))
def local_directories_of_nodes_need_names(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse directories of single nodes in a cloud, where the names of nodes are not known in advance."""
    settings = rule_input.settings
    section = settings.storage.local
    if section is None or settings.cloud is None:
        return
    for key, entries in (("pools", section.pools), ("hosts", section.hosts)):
        if entries:
            yield Problem(
                f"{_SECTION}.{key}",
                "",
                f"only for bare metal; {settings.cloud_name} chooses the names of nodes; use paths",
            )
    if not section.paths:
        yield Problem(f"{_SECTION}.paths", "", _NO_DIRECTORY)


@rule(needs_valid=(_SECTION, "pools", "control_planes", *CLOUD_SECTIONS))
def local_directories_are_on_nodes(rule_input: RuleInput) -> Iterator[Problem]:
    """Require that the pools and hosts with separate directories exist, and that a node has a directory."""
    settings = rule_input.settings
    section = settings.storage.local
    if section is None or settings.cloud is not None:
        return
    nodes = {host: pool for pool, hosts in _pools(settings).items() for host in hosts}
    yield from _unknown("pools", section.pools, _pools(settings), "no such pool")
    yield from _unknown("hosts", section.hosts, nodes, "no node of a pool")
    directories = (
        section.hosts.get(host, section.pools.get(pool, section.paths)) for host, pool in nodes.items()
    )
    if nodes and not any(directories):
        yield Problem(f"{_SECTION}.paths", "", _NO_DIRECTORY)


@rule(needs=(_SECTION, "access.namespaces"), needs_valid=("helm_releases",))
def namespace_belongs_to_local_storage(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse other settings that create or fill the namespace of the provisioner."""
    settings = rule_input.settings
    if settings.storage.local is None:
        return
    yield from namespace_problems(settings, LOCAL_NAMESPACE, _SECTION)


def _lists(section: LocalStorageSettings | None) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each list of directories with its path."""
    if section is None:
        return
    yield f"{_SECTION}.paths", section.paths
    for key, entries in (("pools", section.pools), ("hosts", section.hosts)):
        for name, directories in entries.items():
            yield f"{_SECTION}.{key}.{name}", directories


def _directory_problem(directory: str, others: Iterable[str]) -> str:
    """Return why a directory cannot have volumes; empty if it can."""
    if directory == VOLUMES:
        return "named twice; remove one" if directory in others else ""
    for taken in _SYSTEM_DIRECTORIES:
        if _contains(taken, directory):
            return f"is in {taken}, which belongs to the operating system; use another, such as {VOLUMES}"
    for taken in _CLUSTER_DIRECTORIES:
        if _contains(taken, directory) or _contains(directory, taken):
            return f"overlaps {taken}, whose content the cluster removes; use another, such as {VOLUMES}"
    for other in others:
        if directory == other:
            return "named twice; remove one"
        if _contains(other, directory) or _contains(directory, other):
            return f"and {other} contain each other; use directories side by side"
    return ""


def _contains(directory: str, path: str) -> bool:
    return PurePosixPath(path).is_relative_to(directory)


def _pools(settings: Settings) -> Mapping[str, tuple[str, ...]]:
    """Return the hosts of each pool, the control planes included."""
    workers = {name: pool.hosts for name, pool in settings.pools.items()}
    return {_CONTROL_PLANES: settings.control_planes.hosts, **workers}


def _unknown(key: str, names: Iterable[str], known: Iterable[str], problem: str) -> Iterator[Problem]:
    for name in names:
        if name not in known:
            hint = suggestion(name, known, "remove it, or add its hosts to a pool")
            yield Problem(f"{_SECTION}.{key}.{name}", "", f"{problem}; {hint}")
