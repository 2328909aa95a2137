"""Servers of the gateway: the HTTPS file server of the mirror, the image registry, and emulated cloud
services.

The storage of the registry is cached by the digest of the mirror index, so only the first lab of a mirror
fills it. Registries serve the storage read-only.
"""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from artifacts import directories
from artifacts.errors import ArtifactError
from artifacts.push import push
from lab import authority, cgroups, network
from lab.cloud.ports import API_PORT, BALANCER_PORT, MACHINES_PORT
from lab.commands import wait
from lab.errors import LabError
from lab.locks import hold_lock
from lab.paths import LabPaths
from lab.spec import MIRROR_PORT, REGISTRY_PORT, LabSpec

GROUP, CLOUD_GROUP = "_gateway", "_cloud"
"""Names of the control groups of the gateway: mirror with registry, and emulated cloud. No host can have such
a name. A new mirror restarts only the first group, because a restart empties the emulated cloud.
"""

MEMORY = 1024**3
"""Memory limit in bytes of mirror and registry. Most of it is page cache of served files."""
CLOUD_MEMORY = 3 * 1024**3
"""Memory limit in bytes of the emulated cloud, whose stores have files that machines fetch."""

START_TIMEOUT = 60.0
"""Seconds until a server must answer."""

COMPLETE = "complete"
"""File that marks the storage of a registry as complete."""

# A shell command: join the control groups in $1, then run the other arguments.
JOIN_GROUPS = 'for group in $1; do echo $$ > "$group"; done; shift; exec "$@"'


@dataclass(frozen=True, slots=True)
class _Server:
    """A server program of the gateway. `tls` is false if its port does not use TLS.

    A program with `on_machine` runs in the machine's network, at the machine's address in the lab.
    """

    name: str
    port: int
    argv: Sequence[str]
    tls: bool = True
    on_machine: bool = False


def ensure(spec: LabSpec, *, on_progress: Callable[[str], None]) -> None:
    """Start the servers of the lab's gateway. Keep servers that already run with the same settings.

    `on_progress` receives a line for each finished step. Raise LabError if a server does not start.
    """
    authority.ensure(spec)
    mirror = "" if spec.mirror is None else str(_registry_storage(spec.mirror))
    if _ensure_group(spec, GROUP, _mirror_servers(spec, on_progress), mirror):
        on_progress(f"gateway: mirror {spec.mirror_url}, registry {spec.registry_url}")
    if _ensure_group(spec, CLOUD_GROUP, _cloud_servers(spec), ""):
        on_progress(f"gateway: {spec.cloud} at {spec.gateway}")


def _ensure_group(spec: LabSpec, group: str, servers: Sequence[_Server], mirror: str) -> bool:
    """Start the servers of a control group unless they run with the same settings.

    Return whether they were started. `mirror` is the storage of the registry, or empty.
    """
    expected_settings = _settings_text(spec, servers, mirror)
    settings = LabPaths.of(spec.name).gateway / f"settings{group}.json"
    same = settings.exists() and settings.read_text() == expected_settings
    if same and all(_keeps_running(spec, server) for server in servers):
        return False
    cgroups.kill(spec.name, group)
    settings.unlink(missing_ok=True)
    if not servers:
        return False
    cgroups.create(spec.name, group, memory=CLOUD_MEMORY if group == CLOUD_GROUP else MEMORY)
    for server in servers:
        _start_server(spec, group, server)
    for server in servers:
        _await_server(spec, server)
    settings.write_text(expected_settings)
    return True


def _mirror_servers(spec: LabSpec, on_progress: Callable[[str], None]) -> list[_Server]:
    """Return the servers of the mirror. Fill the registry's storage first if it is not complete."""
    if spec.mirror is None:
        return []
    storage = _registry_storage(spec.mirror)
    if not (storage / COMPLETE).exists():
        _fill_registry(spec, spec.mirror, storage, on_progress)
    return [
        _Server("files", MIRROR_PORT, _file_server_command(spec, spec.mirror)),
        _Server("registry", REGISTRY_PORT, _registry_command(spec, storage, readonly=True)),
    ]


def _cloud_servers(spec: LabSpec) -> list[_Server]:
    """Return the servers of the emulated cloud."""
    if spec.cloud is None:
        return []
    api = [sys.executable, "-m", f"lab.cloud.{spec.cloud}", spec.name]
    balancer = [sys.executable, "-m", "lab.cloud.balancer", spec.name]
    machines = [sys.executable, "-m", f"lab.cloud.{spec.cloud}.group_machines", spec.name]
    return [
        _Server(spec.cloud, API_PORT, api),
        _Server("balancer", BALANCER_PORT, balancer, tls=False),
        _Server("machines", MACHINES_PORT, machines, tls=False, on_machine=True),
    ]


def answers_tls(spec: LabSpec, port: int) -> bool:
    """Check whether a server of the gateway answers with a certificate of the lab CA."""
    context = ssl.create_default_context(cafile=str(LabPaths.of(spec.name).ca))
    address = str(spec.gateway)
    try:
        with (
            socket.create_connection((address, port), timeout=1) as plain,
            context.wrap_socket(plain, server_hostname=address),
        ):
            return True
    except OSError:
        return False


def _is_up(spec: LabSpec, server: _Server) -> bool:
    """Check whether a server accepts connections."""
    if server.tls:
        return answers_tls(spec, server.port)
    address = spec.machine if server.on_machine else spec.gateway
    try:
        with socket.create_connection((str(address), server.port), timeout=1):
            return True
    except OSError:
        return False


def _keeps_running(spec: LabSpec, server: _Server) -> bool:
    """Check whether a started server accepts connections.

    A restart would empty an emulated cloud, so its servers have more time to answer.
    """
    return _is_up(spec, server) or (
        spec.cloud is not None and wait(lambda: _is_up(spec, server), timeout=START_TIMEOUT, pause=0.5)
    )


def _registry_storage(mirror: Path) -> Path:
    """Return the cached directory with the registry's images of a mirror."""
    digest = hashlib.sha256((mirror / "index.json").read_bytes()).hexdigest()[:16]
    return directories.cache() / "lab" / f"registry-{digest}"


def _fill_registry(spec: LabSpec, mirror: Path, storage: Path, on_progress: Callable[[str], None]) -> None:
    """Push the images of the mirror into a registry that writes to `storage`."""
    with hold_lock(storage.name, timeout=900):
        if (storage / COMPLETE).exists():
            return
        storage.mkdir(parents=True, exist_ok=True)
        on_progress("gateway: filling the registry from the mirror, once")
        cgroups.kill(spec.name, GROUP)
        cgroups.create(spec.name, GROUP, memory=MEMORY)
        registry = _Server("registry", REGISTRY_PORT, _registry_command(spec, storage, readonly=False))
        _start_server(spec, GROUP, registry)
        _await_server(spec, registry)
        try:
            if json.loads((mirror / "index.json").read_text()).get("images"):
                push(mirror, f"{spec.gateway}:{REGISTRY_PORT}", LabPaths.of(spec.name).ca)
        except ArtifactError as error:
            raise LabError(
                f"gateway: the mirror's images cannot be put into the registry: {error}"
            ) from error
        finally:
            cgroups.kill(spec.name, GROUP)
        (storage / COMPLETE).touch()


def _settings_text(spec: LabSpec, servers: Sequence[_Server], mirror: str) -> str:
    """Return all inputs of the servers as text. The servers restart when this text changes."""
    certificate = LabPaths.of(spec.name).gateway_certificate.read_bytes()
    fields = {
        "servers": [list(server.argv) for server in servers],
        "mirror": mirror,
        "certificate": hashlib.sha256(certificate).hexdigest(),
    }
    return json.dumps(fields, indent=2) + "\n"


def _file_server_command(spec: LabSpec, mirror: Path) -> list[str]:
    paths = LabPaths.of(spec.name)
    listen = [str(spec.gateway), str(MIRROR_PORT)]
    tls = [str(paths.gateway_certificate), str(paths.gateway_key)]
    return [sys.executable, "-m", "lab.fileserver", str(mirror), *listen, *tls]


def _registry_command(spec: LabSpec, storage: Path, *, readonly: bool) -> list[str]:
    """Write the configuration of the registry as JSON (which is valid YAML) and return the command."""
    paths = LabPaths.of(spec.name)
    configuration = {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(storage)},
            "maintenance": {"readonly": {"enabled": readonly}},
        },
        "http": {
            "addr": f"{spec.gateway}:{REGISTRY_PORT}",
            # The secret signs upload states. These end with the process, so the secret is not stored.
            "secret": hashlib.sha256(paths.gateway_key.read_bytes()).hexdigest(),
            "tls": {"certificate": str(paths.gateway_certificate), "key": str(paths.gateway_key)},
        },
    }
    path = paths.gateway / "registry.yml"
    path.touch(mode=0o600)
    path.write_text(json.dumps(configuration, indent=2))
    return ["docker-registry", "serve", str(path)]


def _start_server(spec: LabSpec, group: str, server: _Server) -> None:
    """Start a server in its namespace and a control group of the gateway. Its output goes to a log file."""
    groups = " ".join(cgroups.join_files(spec.name, group))
    # Enter only the network namespace. `ip netns exec` would hide the control groups, which identify hosts.
    inside = ["nsenter", f"--net={network.NAMESPACES}/{network.gateway_namespace(spec.name)}", "--"]
    inside = [] if server.on_machine else inside
    code = Path(__file__).resolve().parent.parent
    with _log_file(spec, server.name).open("wb") as log:
        subprocess.Popen(
            ["sh", "-c", JOIN_GROUPS, "sh", groups, *inside, *server.argv],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd="/",
            env={
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                "PYTHONPATH": str(code),
                "PYTHONDONTWRITEBYTECODE": "1",
                directories.STATE: str(directories.state()),
                directories.CACHE: str(directories.cache()),
            },
        )


def _await_server(spec: LabSpec, server: _Server) -> None:
    """Wait until a server accepts connections. Raise LabError with the last line of its log."""
    if wait(lambda: _is_up(spec, server), timeout=START_TIMEOUT, pause=0.05):
        return
    log = _log_file(spec, server.name)
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    last_line = lines[-1] if lines else "no output"
    where = f"{server.name} did not answer on port {server.port}"
    raise LabError(f"gateway: {where} in {START_TIMEOUT:g} s: {last_line}; see {log}")


def _log_file(spec: LabSpec, name: str) -> Path:
    return LabPaths.of(spec.name).gateway / f"{name}.log"
