"""Pods of the OpenTelemetry Collector: the shipper of each node, and the one that archives events [H4]."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi_kubernetes.core.v1 as core

from artifacts.catalogue import images_of
from components.addons.collector_config import ADDRESS_VARIABLE, HEALTH_PORT, POD_PATHS
from components.addons.collector_sources import NODE_VARIABLE, SHIPPER
from components.addons.workload import http_probe, restricted_context, restricted_pod_context
from formats.quantity import parse_bytes
from topology.images import pinned_image
from topology.logs import Logs, LogSource
from topology.model import Pool, Topology

EVENTS = "events"
BOOT_ID = "/proc/sys/kernel/random"
"""The directory with the file `boot_id`. In a container of systemd-nspawn, as in the lab, the file is a mount
of a deleted file. This mount has no path from which a container could mount it.
"""
PASSWORDS = "receivers"
"""The name of the Secret with the passwords of receivers, and of the ConfigMap with their authorities."""
BUFFER = "/var/lib/kubewright/logs"
"""The directory of the shipper on a node: entries that wait, and positions in files."""
EVENTS_BUFFER = 256 << 20
"""Disk space of the pod that archives events, for each destination, in bytes."""
_EVENTS_MEMORY = "200Mi"
_CONFIG = "/etc/otelcol/config"
_USER = 10001
_MEMORY_SHARE = 0.8
"""The part of the memory limit above which Go frees memory at the cost of time."""
_ARM64 = "arm64"


@dataclass(frozen=True, slots=True)
class _Volume:
    """A volume and the path at which the container has it."""

    volume: core.VolumeArgs
    path: str
    read_only: bool = True

    @property
    def mount(self) -> core.VolumeMountArgs:
        """The mount of the volume."""
        return core.VolumeMountArgs(
            name=self.volume.name, mount_path=self.path, read_only=self.read_only or None
        )


def shipper_pod(topology: Topology, logs: Logs) -> core.PodSpecArgs:
    """Return the pod of each node. It has no access to the API.

    The files belong to root, and those of the API server to its user. journalctl runs with the programs of
    the host as its root directory.
    """
    capabilities = []
    if LogSource.AUDIT in logs.sources:
        capabilities.append("DAC_READ_SEARCH")
    if LogSource.JOURNAL in logs.sources:
        capabilities.append("SYS_CHROOT")
    volumes = [
        *_common_volumes(logs, SHIPPER),
        *_host_volumes(topology, logs),
        _Volume(_host_path("buffer", BUFFER, "DirectoryOrCreate"), POD_PATHS.data, read_only=False),
    ]
    return core.PodSpecArgs(
        automount_service_account_token=False,
        enable_service_links=False,
        priority_class_name="system-node-critical",
        tolerations=[core.TolerationArgs(operator="Exists")],
        security_context=core.PodSecurityContextArgs(
            run_as_user=0, seccomp_profile=core.SeccompProfileArgs(type="RuntimeDefault")
        ),
        containers=[_container(topology, SHIPPER, logs.memory, volumes, capabilities)],
        volumes=[item.volume for item in volumes],
    )


def events_pod(topology: Topology, logs: Logs) -> core.PodSpecArgs:
    """Return the pod that archives events."""
    size = str(2 * EVENTS_BUFFER * _destinations(logs))
    data = core.VolumeArgs(name="buffer", empty_dir=core.EmptyDirVolumeSourceArgs(size_limit=size))
    volumes = [*_common_volumes(logs, EVENTS), _Volume(data, POD_PATHS.data, read_only=False)]
    return core.PodSpecArgs(
        service_account_name=EVENTS,
        enable_service_links=False,
        priority_class_name="system-cluster-critical",
        security_context=restricted_pod_context(_USER, fs_group=_USER),
        containers=[_container(topology, EVENTS, _EVENTS_MEMORY, volumes, [])],
        volumes=[item.volume for item in volumes],
    )


def _destinations(logs: Logs) -> int:
    return len(logs.destinations) + (logs.loki is not None)


def _container(
    topology: Topology,
    name: str,
    memory: str,
    volumes: list[_Volume],
    capabilities: list[str],
) -> core.ContainerArgs:
    return core.ContainerArgs(
        name=name,
        image=pinned_image(topology, images_of("otelcol")[0]),
        args=[f"--config=file:{_CONFIG}/config.json"],
        env=_environment(memory),
        resources=core.ResourceRequirementsArgs(
            requests={"cpu": "50m", "memory": "100Mi"}, limits={"memory": memory}
        ),
        security_context=restricted_context(add=capabilities),
        readiness_probe=http_probe("/", HEALTH_PORT, period=5),
        liveness_probe=http_probe("/", HEALTH_PORT, period=20, delay=20, failures=6),
        volume_mounts=[item.mount for item in volumes],
    )


def _environment(memory: str) -> list[core.EnvVarArgs]:
    def field(name: str, path: str) -> core.EnvVarArgs:
        source = core.EnvVarSourceArgs(field_ref=core.ObjectFieldSelectorArgs(field_path=path))
        return core.EnvVarArgs(name=name, value_from=source)

    return [
        field(NODE_VARIABLE, "spec.nodeName"),
        field(ADDRESS_VARIABLE, "status.podIP"),
        core.EnvVarArgs(name="GOMEMLIMIT", value=str(int(parse_bytes(memory) * _MEMORY_SHARE))),
    ]


def _common_volumes(logs: Logs, name: str) -> list[_Volume]:
    """Return the volumes of both pods: the configuration, the certificate, and what receivers need."""
    configuration = core.ConfigMapVolumeSourceArgs(name=name)
    volumes = [_Volume(core.VolumeArgs(name="config", config_map=configuration), _CONFIG)]
    if logs.loki is not None:
        certificate = core.SecretVolumeSourceArgs(secret_name=name, default_mode=0o440)
        volumes.append(_Volume(core.VolumeArgs(name="tls", secret=certificate), POD_PATHS.tls))
    if any(item.ca for item in logs.destinations):
        authorities = core.ConfigMapVolumeSourceArgs(name=PASSWORDS)
        volumes.append(
            _Volume(core.VolumeArgs(name="authorities", config_map=authorities), POD_PATHS.authorities)
        )
    if any(item.server.username for item in logs.destinations):
        passwords = core.SecretVolumeSourceArgs(secret_name=PASSWORDS, default_mode=0o440)
        volumes.append(_Volume(core.VolumeArgs(name="passwords", secret=passwords), POD_PATHS.passwords))
    return volumes


def _host_volumes(topology: Topology, logs: Logs) -> list[_Volume]:
    """Return the files of the host: its logs, and for the journal what journalctl needs."""
    root = POD_PATHS.host
    volumes = [_Volume(_host_path("logs", "/var/log", "Directory"), f"{root}/var/log")]
    if LogSource.JOURNAL not in logs.sources:
        return volumes
    directories = {
        "journal": ("/run/log", "/run/log"),
        "programs": ("/usr/bin", "/usr/bin"),
        "libraries": ("/usr/lib", "/usr/lib"),
        "base-libraries": ("/usr/lib", "/lib"),
    }
    if any(_architecture(pool) != _ARM64 for pool in topology.pools):
        # The loader of amd64. A distribution for arm64 may lack this directory.
        directories["loader"] = ("/usr/lib64", "/lib64")
    return [
        *volumes,
        *(
            _Volume(_host_path(name, path, ""), f"{root}{target}")
            for name, (path, target) in directories.items()
        ),
        # journalctl follows the journal of this machine and of this boot.
        _Volume(_host_path("machine-id", "/etc/machine-id", "File"), f"{root}/etc/machine-id"),
        _Volume(_host_path("boot-id", BOOT_ID, "Directory"), f"{root}{BOOT_ID}"),
    ]


def _architecture(pool: Pool) -> str:
    return pool.capacity.architecture if pool.capacity else ""


def _host_path(name: str, path: str, kind: str) -> core.VolumeArgs:
    return core.VolumeArgs(name=name, host_path=core.HostPathVolumeSourceArgs(path=path, type=kind or None))
