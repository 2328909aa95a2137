"""Component of the container runtime [F4]: containerd and runc, image registries, and the cgroup driver."""

from __future__ import annotations

import json
import re

from nodeconfig import gpus
from nodeconfig.bundle import File, SecretFile, Service
from nodeconfig.cni import plugin_directories
from nodeconfig.component import Component
from nodeconfig.host_paths import BIN, CA, CONTAINERD_SOCKET, LIBRARY
from nodeconfig.systemd import Unit
from topology.gpus import Gpu
from topology.images import pinned_image
from topology.model import Registry, Topology

_CONFIG = "/etc/containerd/config.toml"
_REGISTRIES = "/etc/containerd/certs.d"
_RUNNING_CONFIG = "/run/kubewright-containerd.toml"
_PREPARE = f"{LIBRARY}/containerd-prepare"
_BINARIES = ("containerd", "containerd-shim-runc-v2", "ctr", "runc", "crictl")


def component(topology: Topology, gpu: Gpu | None = None) -> Component:
    """Return the container runtime component of a node. `gpu` is the vendor of its GPUs."""
    config = File(_CONFIG, _configuration(topology) + (gpus.CONFIGURATION if gpu else ""), mode=0o600)
    prepare = File(_PREPARE, _preparation_script(gpu), mode=0o755)
    unit = _service_unit(gpu)
    mirrors, credentials = _registry_files(topology)
    registries = [_registry_directory(registry.name) for registry in topology.registries]
    # containerd reads the registry files at every pull, so they require no restart. runc requires no
    # restart either, and a new shim serves only new pods. roles.py decides which changes require a drain.
    watched = (f"{BIN}/containerd", config.path, prepare.path)
    crictl = File("/etc/crictl.yaml", f"runtime-endpoint: unix://{CONTAINERD_SOCKET}\n")
    return Component(
        files=(config, prepare, crictl, *mirrors, unit.file()),
        secrets=credentials,
        artifacts=tuple((name, f"{BIN}/{name}") for name in _BINARIES),
        services=(Service(unit.name, restart_on=watched, ready=f"{BIN}/ctr version"),),
        directories=(
            File("/etc/containerd", "", mode=0o755),
            File(_REGISTRIES, "", mode=0o755),
            *(File(directory, "", mode=0o755) for directory in registries),
            File("/var/lib/containerd", "", mode=0o700),
        ),
    )


def _configuration(topology: Topology) -> str:
    """Return the text of config.toml, without a runtime for GPUs. The host appends its cgroup driver to the
    last table, the options of runc.
    """
    return f"""version = 3
root = "/var/lib/containerd"
state = "/run/containerd"

[grpc]
address = "{CONTAINERD_SOCKET}"

[plugins."io.containerd.internal.v1.opt"]
path = "/var/lib/containerd/opt"

[plugins."io.containerd.cri.v1.images"]
snapshotter = "overlayfs"

[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{_sandbox_image(topology)}"

[plugins."io.containerd.cri.v1.images".registry]
config_path = "{_REGISTRIES}"

[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = true

[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = {json.dumps(plugin_directories(topology))}
conf_dir = "/etc/cni/net.d"

[plugins."io.containerd.cri.v1.runtime".containerd]
default_runtime_name = "runc"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
BinaryName = "{BIN}/runc"
"""


def _preparation_script(gpu: Gpu | None) -> str:
    if gpu:
        # The options of each runtime contain the cgroup driver.
        configuration = f'sed "s|^BinaryName = .*|&\\nSystemdCgroup = $systemd|" {_CONFIG}'
    else:
        configuration = f'{{\n    cat {_CONFIG}\n    echo "SystemdCgroup = $systemd"\n}}'
    return f"""#!/bin/sh
# Selects the cgroup driver: systemd's under cgroup v2, where systemd owns the tree; cgroupfs under v1, where
# systemd manages only some controllers. The kubelet asks containerd.
set -eu
umask 077
systemd=false
[ ! -e /sys/fs/cgroup/cgroup.controllers ] || systemd=true
{configuration} >{_RUNNING_CONFIG}.new
mv {_RUNNING_CONFIG}.new {_RUNNING_CONFIG}
"""


def _service_unit(gpu: Gpu | None) -> Unit:
    return Unit(
        name="containerd.service",
        description="containerd container runtime",
        command=(f"{BIN}/containerd", f"--config={_RUNNING_CONFIG}"),
        type="notify",
        service=(
            f"ExecStartPre={_PREPARE}",
            *((f"Environment=PATH={gpus.SEARCH_PATH}",) if gpu else ()),
            # Containers keep running during a restart of the runtime.
            "KillMode=process",
            "Delegate=yes",
            "OOMScoreAdjust=-999",
            "LimitNOFILE=1048576",
            "LimitNPROC=infinity",
            "TasksMax=infinity",
        ),
        unit=("RequiresMountsFor=/var/lib/containerd",),
    )


def _registry_files(topology: Topology) -> tuple[tuple[File, ...], tuple[SecretFile, ...]]:
    """Return the plain files and the secret files that describe the mirrors of registries to containerd.

    The hosts.toml of a mirror with credentials is a secret file, the hosts.toml of another mirror a plain
    file.
    """
    files: list[File] = []
    secrets: list[SecretFile] = []
    for registry in topology.registries:
        directory = _registry_directory(registry.name)
        if registry.ca:
            files.append(File(f"{directory}/ca.crt", registry.ca.rstrip("\n") + "\n"))
        if registry.credentials:
            secrets.append(SecretFile(f"{directory}/hosts.toml", registry.credentials))
        else:
            files.append(File(f"{directory}/hosts.toml", hosts_toml(registry)))
    return tuple(files), tuple(secrets)


def hosts_toml(registry: Registry, authorization: str = "") -> str:
    """Return the hosts.toml that describes the mirror of a registry.

    The mirror is the `server`: a mirror in a table `host` would be the first choice only, and containerd
    would ask upstream's registry when the mirror has no such image or does not answer.

    `authorization` is the value of this HTTP header for the mirror (`Basic …`). A hosts.toml with this
    value is delivered as the secret that `Registry.credentials` names.
    """
    lines = [f'server = "{registry.endpoint}"', 'capabilities = ["pull", "resolve"]']
    if registry.ca:
        lines.append(f'ca = "{_registry_directory(registry.name)}/ca.crt"')
    elif registry.cluster_ca:
        lines.append(f'ca = "{CA}"')
    if authorization:
        lines += ["[header]", f'Authorization = "{authorization}"']
    return "\n".join(lines) + "\n"


def _registry_directory(name: str) -> str:
    """Return the directory of a registry, whose name containerd expects: `host:5000` becomes `host_5000_`."""
    return f"{_REGISTRIES}/" + re.sub(r":(\d+)$", r"_\1_", name)


def _sandbox_image(topology: Topology) -> str:
    """Return the reference of the image of sandboxes: by its tag, or by its digest if the stack pins it.

    containerd keeps this image from garbage collection only if the text is the name of the image in its
    store, and a name with a digest has no tag there.
    """
    tag, _, digest = pinned_image(topology, topology.pause_image).partition("@")
    return f"{tag.rpartition(':')[0]}@{digest}" if digest else tag
