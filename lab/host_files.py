"""Files that the lab writes for one host: its name, its keys, and the data of a cloud machine."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from lab.keys import public_key_line
from lab.paths import LabPaths
from lab.spec import Instance, LabHost, LabSpec


def write(spec: LabSpec, host: LabHost, root: Path) -> None:
    """Create the directories of a host's overlay, and write the host's own files into its upper directory.

    `root` is the directory of the shared Debian root file system.
    """
    paths = LabPaths.of(spec.name)
    home = paths.host(host.name)
    for directory in ("upper", "work", "root"):
        (home / directory).mkdir(parents=True, exist_ok=True)
    upper = home / "upper"
    write_file(upper / "etc/hostname", f"{host.name}\n")
    own_address = host.inner.ip if host.inner else host.address
    other_names = "".join(f"{address} {name}\n" for name, address in spec.names.items())
    write_file(
        upper / "etc/hosts", f"127.0.0.1 localhost\n::1 localhost\n{own_address} {host.name}\n{other_names}"
    )
    # No server has this address, so names outside the lab fail immediately.
    write_file(upper / "etc/resolv.conf", f"nameserver {spec.gateway}\n")
    write_file(upper / "etc/machine-id", f"{machine_id(spec, host).hex}\n")
    key = paths.host_key(host.name)
    write_file(upper / "etc/ssh/ssh_host_ed25519_key", key.read_text(), mode=0o600)
    write_file(upper / "etc/ssh/ssh_host_ed25519_key.pub", public_key_line(key))
    (upper / "root").mkdir(mode=0o700, exist_ok=True)
    (upper / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
    write_file(upper / "root/.ssh/authorized_keys", public_key_line(paths.user_key), mode=0o600)
    if host.instance is not None:
        _write_seed(upper, host.instance)
        # Certificates of the emulated cloud are signed by a CA that images of this cloud trust.
        system = "etc/ssl/certs/ca-certificates.crt"
        write_file(upper / system, (root / system).read_text() + paths.ca.read_text())


def _write_seed(upper: Path, instance: Instance) -> None:
    """Write the files of cloud-init's data source NoCloud.

    cloud-init compares the `id` of the instance with the last boot, and runs the user data if the id is new.
    """
    seed = upper / "var/lib/cloud/seed/nocloud"
    write_file(upper / "etc/hostname", f"{instance.hostname}\n")
    write_file(seed / "meta-data", f"instance-id: {instance.id}\nlocal-hostname: {instance.hostname}\n")
    write_file(seed / "user-data", instance.user_data, mode=0o600)


def write_file(path: Path, content: str, *, mode: int = 0o644) -> None:
    """Write a file, also over a link. Its permissions are never wider than `mode`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)


def machine_id(spec: LabSpec, host: LabHost) -> uuid.UUID:
    """Return a machine id that depends only on the names of the lab and the host."""
    return uuid.uuid5(uuid.NAMESPACE_DNS, f"{host.name}.{spec.name}.lab.kubewright")
