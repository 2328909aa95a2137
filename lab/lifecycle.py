"""Operations on a lab: create, repair and remove the lab, start and stop its hosts."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import (
    cgroups,
    claims,
    containers,
    doctor,
    gateway,
    hosts,
    keys,
    machine,
    names,
    nat,
    network,
    root,
    spec,
    volumes,
)
from lab.errors import LabError
from lab.leftovers import find_leftovers
from lab.locks import hold_lock
from lab.paths import LabPaths, check_name
from lab.spec import Instance, LabHost, LabSpec


def up(
    desired: LabSpec, *, keep_hosts: bool = False, on_progress: Callable[[str], None] = lambda _: None
) -> LabPaths:
    """Create a lab, or change an existing lab to the spec `desired`. Running hosts are not restarted.

    With `keep_hosts`, the hosts of an existing lab stay as they are. `on_progress` receives each step as a
    line. Raise LabError with all failed hosts; another `up` continues.
    """
    doctor.require_prerequisites(desired)
    root_directories = _ensure_root_directories(desired.hosts)
    with hold_lock(f"lab-{desired.name}"):
        paths = LabPaths.of(desired.name)
        stored = _read_stored_spec(paths)
        _refuse_network_change(stored, desired)
        if keep_hosts and stored is not None:
            desired = desired.model_copy(update={"hosts": stored.hosts})
        claims.claim(desired.name, paths.root)
        if stored is None:
            _remove_running_parts(desired.name)  # the running lab with this name lost its state and its keys
        machine.prepare(desired.name, gateway.GROUP, memory=gateway.MEMORY)
        _remove_obsolete_hosts(desired, stored, on_progress)
        paths.root.mkdir(parents=True, exist_ok=True)
        spec.write(desired, paths.spec)
        keys.ensure(desired)
        network.ensure_gateway(desired)
        nat.ensure(desired)
        names.ensure(desired.name, desired.names)
        gateway.ensure(desired, on_progress=on_progress)
        if not keep_hosts:
            _run_for_hosts(
                desired.hosts, lambda host: _ensure_host(desired, host, root_directories, on_progress)
            )
    return paths


def set_hosts(
    name: str,
    transform: Callable[[tuple[LabHost, ...]], Iterable[LabHost]],
    *,
    booted: Collection[str] = (),
) -> None:
    """Replace the hosts of a lab by `transform(hosts)`, and boot those with the names `booted`.

    Other hosts stay as they are: a machine that has lost its power does not start because another machine
    starts or ends. The gateway is not checked and keeps running. Raise LabError with all failed hosts.
    """
    with hold_lock(f"lab-{name}"):
        stored = load(name)
        desired = stored.model_copy(update={"hosts": tuple(transform(stored.hosts))})
        root_directories = _ensure_root_directories(desired.hosts)
        _remove_obsolete_hosts(desired, stored, lambda _: None)
        spec.write(desired, LabPaths.of(name).spec)
        keys.ensure(desired)
        _run_for_hosts(
            [host for host in desired.hosts if host.name in booted],
            lambda host: _ensure_host(desired, host, root_directories, lambda _: None),
        )


def down(name: str) -> None:
    """Remove the hosts, network, gateway and state of a lab, also of a damaged lab.

    Raise LabError with all processes, mounts and files that remain.
    """
    doctor.check_caller()
    check_name(name)
    with hold_lock(f"lab-{name}"):
        _remove_running_parts(name)
        for state in {LabPaths.of(name).root, claims.state_directory(name) or LabPaths.of(name).root}:
            shutil.rmtree(state, ignore_errors=True)
        names.remove(name)
        claims.release(name)
        leftovers = find_leftovers(name)
    machine.restore()
    if leftovers:
        raise LabError(f"{name}: could not be removed completely; these remain: {', '.join(leftovers)}")


def start(name: str, host: str) -> None:
    """Start a stopped host of a lab with its existing disk. Raise LabError if the host does not boot."""
    doctor.check_caller()
    desired = load(name)
    lab_host = desired.host(host)
    root_directories = _ensure_root_directories([lab_host])
    with hold_lock(f"lab-{name}"):
        machine.prepare(name, gateway.GROUP, memory=gateway.MEMORY)
        network.ensure_gateway(desired)
        nat.ensure(desired)
        gateway.ensure(desired, on_progress=lambda _: None)
        _ensure_host(desired, lab_host, root_directories, lambda _: None)


def stop(name: str, host: str, *, kill: bool = False) -> None:
    """Shut down a host of a lab, or with `kill` end it without a shutdown, as a power failure does.

    The disk of the host is kept. Raise LabError if a process of the host remains.
    """
    doctor.check_caller()
    lab_host = load(name).host(host)
    with hold_lock(f"lab-{name}"):
        hosts.stop(name, lab_host.name, kill=kill)


def set_connected(name: str, host: str, *, connected: bool) -> None:
    """Connect the network link of a host of a lab, or disconnect it if `connected` is false.

    Raise LabError for an unknown lab or host, and if the link cannot be changed.
    """
    doctor.check_caller()
    desired = load(name)
    network.set_link(desired, desired.host(host), connected=connected)


def load(name: str) -> LabSpec:
    """Return the stored spec of a lab of this machine. Raise LabError for an unknown lab."""
    stored = _read_stored_spec(LabPaths.of(name))
    if stored is None:
        raise LabError(f"{name}: there is no lab of that name; make it with `kubewright lab up SPEC`")
    return stored


def _remove_running_parts(name: str) -> None:
    """Kill all processes of a lab and remove its groups, network and loop devices. Keep its state
    directory.
    """
    cgroups.kill(name)
    for pid in network.pids(name):
        cgroups.kill_process(pid)
    cgroups.remove(name)
    network.remove(name)
    volumes.detach_loop_devices(LabPaths.of(name).root)
    for path in containers.PROPAGATION.glob(f"{name}.*"):
        shutil.rmtree(path, ignore_errors=True)


def _read_stored_spec(paths: LabPaths) -> LabSpec | None:
    return spec.read(paths.spec) if paths.spec.exists() else None


def _refuse_network_change(stored: LabSpec | None, desired: LabSpec) -> None:
    """Raise LabError if the network of an existing lab would change."""
    if stored is not None and stored.network != desired.network:
        raise LabError(
            f"network: lab {desired.name} is on {stored.network} and cannot move to {desired.network}; "
            f"first `kubewright lab down {desired.name}`"
        )


def _remove_obsolete_hosts(
    desired: LabSpec, stored: LabSpec | None, on_progress: Callable[[str], None]
) -> None:
    """Remove hosts that `desired` no longer has, and the network of hosts whose address changed.

    `stored` is the spec of the last `up`; None for a new lab.
    """
    kept = {host.name for host in desired.hosts}
    for name in cgroups.group_names(desired.name):
        if name not in kept and name not in (gateway.GROUP, gateway.CLOUD_GROUP):
            _remove_host(desired.name, name)
            on_progress(f"{name}: removed")
    for old in stored.hosts if stored is not None else ():
        if old.name not in kept:
            _remove_host(desired.name, old.name)
        elif _machine_of(desired.host(old.name)) != _machine_of(old):
            _remove_host(desired.name, old.name)  # another machine of a cloud, an empty disk, or another kind
            on_progress(f"{old.name}: removed, for another in its place")
        elif (desired.host(old.name).address, desired.host(old.name).inner) != (old.address, old.inner):
            hosts.stop(desired.name, old.name)
            network.remove_host(desired.name, old.name)


def _machine_of(host: LabHost) -> tuple[object, Instance | None]:
    """Return what another machine would differ in. The disk of a virtual machine contains its address."""
    return (host.address, host.inner) if host.virtual else None, host.instance


def _remove_host(lab: str, host: str) -> None:
    """Remove a host with its disk. Detach and keep its data volumes."""
    hosts.remove(lab, host)
    volumes.detach_all(lab, host)


def _ensure_root_directories(lab_hosts: Iterable[LabHost]) -> Mapping[root.MachineKind, Path]:
    """Build the missing Debian root file systems that these hosts need. Return the directories by kind."""
    return {kind: root.ensure(kind) for kind in {_root_kind(host) for host in lab_hosts}}


def _root_kind(host: LabHost) -> root.MachineKind:
    if host.virtual:
        return root.MachineKind.VIRTUAL
    return root.MachineKind.BARE_METAL if host.instance is None else root.MachineKind.CLOUD


def _ensure_host(
    desired: LabSpec,
    host: LabHost,
    root_directories: Mapping[root.MachineKind, Path],
    on_progress: Callable[[str], None],
) -> None:
    """Boot a host that does not run, and create the missing network parts of a running host."""
    if cgroups.init_pid(desired.name, host.name) is not None:
        network.ensure_host(desired, host)
        cgroups.create(desired.name, host.name, memory=host.memory_limit)
    if not hosts.is_running(desired.name, host):
        hosts.boot(desired, host, root_directories[_root_kind(host)])
        for volume in volumes.attached_to(desired.name, host.name):
            volumes.create_device(desired.name, volume)
        on_progress(f"{host.name}: booted at {host.address}")


def _run_for_hosts(items: Iterable[LabHost], step: Callable[[LabHost], None]) -> None:
    """Run a step for all hosts in parallel. Continue after failures, then raise one error for all of them."""
    problems = []
    with ThreadPoolExecutor(max_workers=8) as pool:
        for future in [pool.submit(step, item) for item in items]:
            try:
                future.result()
            except LabError as error:
                problems.append(str(error))
    if problems:
        raise LabError("; ".join(problems))
