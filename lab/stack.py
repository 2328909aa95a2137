"""Operations on a complete lab: create, repair and remove it, start and stop its hosts."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import cgroups, claims, doctor, gateway, hosts, keys, machine, network, root, spec, volumes
from lab.errors import LabError
from lab.leftovers import find_leftovers
from lab.locks import hold_lock
from lab.paths import LabPaths, check_name
from lab.spec import LabHost, LabSpec


def up(wanted: LabSpec, *, say: Callable[[str], None] = lambda _: None) -> LabPaths:
    """Create or complete the lab. Running hosts are not touched.

    `say` receives each step as a line. Raises LabError with all failed hosts; another `up` continues.
    """
    doctor.check(wanted)
    debian = _ensure_roots(wanted.hosts)
    with hold_lock(f"lab-{wanted.name}"):
        paths = LabPaths.of(wanted.name)
        before = _read_stored_spec(paths)
        _refuse_moved(before, wanted)
        claims.claim(wanted.name, paths.root)
        if before is None:
            _remove_running_parts(wanted.name)  # the running lab with this name lost its state and its keys
        machine.prepare(wanted.name, gateway.GROUP, memory=gateway.MEMORY)
        _remove_obsolete_hosts(wanted, before, say)
        paths.root.mkdir(parents=True, exist_ok=True)
        spec.write(wanted, paths.spec)
        keys.ensure(wanted)
        network.ensure_gateway(wanted)
        gateway.ensure(wanted, say=say)
        _run_for_each(wanted.hosts, lambda host: _ensure_host(wanted, host, debian, say))
    return paths


def down(name: str) -> None:
    """Remove all parts of a lab, in any state.

    Raises LabError with all parts that cannot be removed.
    """
    doctor.check_caller()
    check_name(name)
    with hold_lock(f"lab-{name}"):
        _remove_running_parts(name)
        for state in {LabPaths.of(name).root, claims.owner(name) or LabPaths.of(name).root}:
            shutil.rmtree(state, ignore_errors=True)
        claims.release(name)
        left = find_leftovers(name)
    machine.restore()
    if left:
        raise LabError(f"{name}: could not be removed whole; left are: {', '.join(left)}")


def start(name: str, host: str) -> None:
    """Start a stopped host of a lab with its existing disk. Raises LabError."""
    doctor.check_caller()
    wanted = load(name)
    found = wanted.host(host)
    debian = _ensure_roots([found])
    with hold_lock(f"lab-{name}"):
        machine.prepare(name, gateway.GROUP, memory=gateway.MEMORY)
        network.ensure_gateway(wanted)
        gateway.ensure(wanted, say=lambda _: None)
        _ensure_host(wanted, found, debian, lambda _: None)


def stop(name: str, host: str, *, kill: bool = False) -> None:
    """Shut down a host of a lab, or with `kill` end it like a power failure. Keep its disk. Raises
    LabError.
    """
    doctor.check_caller()
    found = load(name).host(host)
    with hold_lock(f"lab-{name}"):
        hosts.stop(name, found.name, kill=kill)


def set_connected(name: str, host: str, *, into: bool) -> None:
    """Disconnect or connect the network link of a host of a lab. Raises LabError."""
    doctor.check_caller()
    wanted = load(name)
    network.set_link(wanted, wanted.host(host), into=into)


def load(name: str) -> LabSpec:
    """Return the spec of a lab on this machine. Raises LabError for an unknown lab."""
    found = _read_stored_spec(LabPaths.of(name))
    if found is None:
        raise LabError(f"{name}: there is no lab of that name; make it with `kubewright lab up SPEC`")
    return found


def _remove_running_parts(name: str) -> None:
    """End and remove all running parts of a lab. Keep its state."""
    cgroups.kill(name)
    for pid in network.pids(name):
        cgroups.kill_process(pid)
    cgroups.remove(name)
    network.remove(name)
    volumes.release(LabPaths.of(name).root)
    for path in hosts.PROPAGATION.glob(f"{name}.*"):
        shutil.rmtree(path, ignore_errors=True)


def _read_stored_spec(paths: LabPaths) -> LabSpec | None:
    return spec.read(paths.spec) if paths.spec.exists() else None


def _refuse_moved(before: LabSpec | None, wanted: LabSpec) -> None:
    if before is not None and before.network != wanted.network:
        raise LabError(
            f"network: lab {wanted.name} is on {before.network} and cannot move to {wanted.network}; "
            f"first `kubewright lab down {wanted.name}`"
        )


def _remove_obsolete_hosts(wanted: LabSpec, before: LabSpec | None, say: Callable[[str], None]) -> None:
    """Remove hosts that the spec no longer has, and the network of hosts whose address changed."""
    names = {host.name for host in wanted.hosts}
    for name in cgroups.members(wanted.name):
        if name not in names and name != gateway.GROUP:
            _remove_host(wanted.name, name)
            say(f"{name}: removed")
    for old in before.hosts if before is not None else ():
        if old.name not in names:
            _remove_host(wanted.name, old.name)
        elif wanted.host(old.name).instance != old.instance:
            _remove_host(wanted.name, old.name)  # a cloud machine never changes, so this is another machine
            say(f"{old.name}: removed, for another in its place")
        elif wanted.host(old.name).address != old.address:
            hosts.stop(wanted.name, old.name)
            network.remove_host(wanted.name, old.name)


def _remove_host(lab: str, host: str) -> None:
    """Remove a host with its disk. Keep its data volumes."""
    hosts.remove(lab, host)
    volumes.leave(lab, host)


def _ensure_roots(needed: Iterable[LabHost]) -> Mapping[root.Kind, Path]:
    """Return the directories of the Debian root file systems that these hosts need."""
    return {kind: root.ensure(kind) for kind in {_root_kind(host) for host in needed}}


def _root_kind(host: LabHost) -> root.Kind:
    return root.Kind.BARE_METAL if host.instance is None else root.Kind.CLOUD


def _ensure_host(
    wanted: LabSpec, host: LabHost, debian: Mapping[root.Kind, Path], say: Callable[[str], None]
) -> None:
    if cgroups.init(wanted.name, host.name) is not None:
        network.ensure_host(wanted, host)
        cgroups.create(wanted.name, host.name, memory=host.memory)
    if not hosts.running(wanted.name, host):
        hosts.boot(wanted, host, debian[_root_kind(host)])
        for volume in volumes.of_host(wanted.name, host.name):
            volumes.appear(wanted.name, volume)
        say(f"{host.name}: booted at {host.address}")


def _run_for_each(items: Iterable[LabHost], step: Callable[[LabHost], None]) -> None:
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
