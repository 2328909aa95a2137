"""Deliveries: a bundle as a script, and its secrets as a payload for standard input.

The script is visible text for the login shell of the SSH user. It unpacks the payload and runs the statements
of the bundle as one file under `sh`, with sudo if the user is not root.
"""

from __future__ import annotations

import base64
import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from shlex import quote

from nodeconfig.bundle import Artifact, Bundle, File, Identity, SecretFile, Service
from nodeconfig.component import BundleError
from nodeconfig.host_paths import STATE_DIRECTORY
from nodeconfig.host_program import prelude
from topology.model import Role
from topology.rotations import Rotation

MAX_TEXT_BYTES = 120 * 1024
"""Linux accepts at most 128 KiB in one argument of a command."""

LOAD_PROGRAM = '. "$1/host.sh"'
"""The line that makes the functions of the host program available."""

_SCRIPT_END = "KUBEWRIGHT"
_ARCHIVE_END_BYTES = 2 * tarfile.BLOCKSIZE
"""Bytes of zeros that end an archive (POSIX, pax: "two 512-byte blocks filled with binary zeros")."""


def script(bundle: Bundle, identity: Identity, *, sudo: bool = False) -> str:
    """Return the script that installs the bundle on a host. Its standard input is the result of `payload`.

    Raise BundleError when the script exceeds `MAX_TEXT_BYTES`, or when a path has characters that the script
    cannot contain.
    """
    statements = [
        '. "$1/prelude.sh"',
        *([f"authority {_here_document(bundle.ca)}"] if bundle.ca else []),
        f"program {quote(bundle.program.url)} {bundle.program.sha256}",
        LOAD_PROGRAM,
        f"begin {bundle.role}",
        *(f"version {component} {version}" for component, version in bundle.versions),
        *(_rotation_statement(name, rotation) for name, rotation in bundle.rotations),
        *(f"requires {quote(item.path)} {quote(item.reason)}" for item in bundle.required_programs),
        *(f"requires_kernel {item.version} {quote(item.reason)}" for item in bundle.required_kernels),
        *(f"module {name}" for name in bundle.modules),
        *(_artifact_statement(artifact) for artifact in bundle.artifacts),
        *(f"directory {_location_words(item)}" for item in bundle.directories),
        # Kept apart from lines that change, so that previews group identical changes of several hosts.
        f"identity {identity.name} {identity.address} {identity.provider_id}".rstrip(),
        *(f"file {_location_words(item)} {_here_document(item.content)}" for item in bundle.files),
        *(f"secret {_location_words(item)}" for item in bundle.secrets),
        *(statement for service in bundle.services for statement in _service_statements(service)),
        *(f"label {quote(label)}" for label in bundle.labels),
        *(f"taint {quote(taint)}" for taint in bundle.taints),
        *(
            [f"drain {bundle.drain_seconds} {' '.join(bundle.drain_on)}"]
            if bundle.drain and bundle.drain_on
            else []
        ),
        "commit",
    ]
    unpack = f'base64 -d | {_root_prefix(sudo)}tar -x -C "$work"'
    text = _program_for_any_login_shell(bundle.role, statements, unpack, sudo)
    size = len(text.encode())
    if size > MAX_TEXT_BYTES:
        raise BundleError(
            f"{identity.name}, {bundle.role}: the text for the host is {size} bytes, over {MAX_TEXT_BYTES}; "
            "shorten the longest files or authorities given in the configuration"
        )
    return text


def payload(bundle: Bundle, secrets: Mapping[str, str], *, salt: str = "") -> str:
    """Return the secret files of the bundle and the prelude as a tar archive in base64, on one line.

    With `salt`, the archive has another file, which no program reads.
    Raise BundleError with the names of missing secrets, but without any content.
    """
    missing = sorted({item.secret for item in bundle.secrets} - secrets.keys())
    if missing:
        raise BundleError(f"{bundle.role}: the delivery lacks the secrets {', '.join(missing)}")
    members = {"prelude.sh": prelude()}
    members |= {f"secrets{item.path}": secrets[item.secret] for item in bundle.secrets}
    members |= {"salt": salt} if salt else {}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in members.items():
            data = content.encode()
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o600
            archive.addfile(info, io.BytesIO(data))
        end = archive.offset + _ARCHIVE_END_BYTES
    # The padding to a whole record is omitted, because it is longer than small secrets.
    return base64.b64encode(buffer.getvalue()[:end]).decode()


def reset_script(role: Role, *, sudo: bool = False, leave: bool = True, drain_seconds: int = 300) -> str:
    """Return the script that removes a role from a host. The script needs no standard input.

    With `leave`, a node is drained (within `drain_seconds`) and requests the deletion of its Node first, and
    an etcd member leaves the membership. `leave` is False when the whole cluster is removed.
    """
    body = [
        f"program=${{KUBEWRIGHT_ROOT:-}}{STATE_DIRECTORY}/host.sh",
        f'[ -f "$program" ] || {{ echo "{role} unchanged"; exit 0; }}',
        # The last reset removes the program while the program runs.
        'cp "$program" "$1/host.sh"',
        LOAD_PROGRAM,
        f"reset {role}{f' leave {drain_seconds}' if leave else ''}",
    ]
    return _program_for_any_login_shell(f"{role}: reset", body, ":", sudo)


def _program_for_any_login_shell(title: str, body: Iterable[str], unpack: str, sudo: bool) -> str:
    """Return the program for the login shell that runs the lines of `body` under sh as root.

    `unpack` is the sh command that unpacks standard input into the directory `$work`. This directory belongs
    to root and is in memory (/run), so that secrets are never on the disk. Only emulated hosts of tests have
    another directory.
    """
    root = _root_prefix(sudo)
    create = f"{root}mktemp -d /run/kubewright.XXXXXX"
    write = f'{root}tee "$work/script" >/dev/null' if sudo else 'cat >"$work/script"'
    lines = [
        f"# {title}",
        "umask 077",
        f"work=$({create}) || exit 1" if sudo else f"work=$({create} 2>/dev/null || mktemp -d) || exit 1",
        f"trap '{root}rm -rf \"$work\"' EXIT",
        "trap 'exit 130' HUP INT TERM",
        f"{unpack} || exit 1",
        f"{write} <<'{_SCRIPT_END}' || exit 1",
        *body,
        _SCRIPT_END,
        f'{root}sh "$work/script" "$work" </dev/null',
    ]
    return "\n".join(lines) + "\n"


def _root_prefix(sudo: bool) -> str:
    return "sudo -n " if sudo else ""


def _rotation_statement(name: str, rotation: Rotation) -> str:
    return f"trust {quote(name)} {rotation.signing} {' '.join(map(str, rotation.trusted))}"


def _artifact_statement(artifact: Artifact) -> str:
    words = [artifact.name, artifact.url, artifact.sha256, artifact.path]
    words += [artifact.member] if artifact.member else []
    return "artifact " + " ".join(quote(word) for word in words)


def _location_words(item: File | SecretFile) -> str:
    """Return `<mode> <owner> <path>` of a file. Raise BundleError for a path that needs quotes."""
    if quote(item.path) != item.path:
        raise BundleError(f"{item.path}: a path on a host may contain only letters, digits and ./_-")
    return f"{item.mode:04o} {item.owner} {item.path}"


def _service_statements(service: Service) -> Iterator[str]:
    """Yield the statements for a service. The first has one line for each watched path."""
    action = "reload" if service.reload else "restart"
    first = f"service {service.unit} {service.timeout} {action} {quote(service.ready)}"
    yield " \\\n  ".join((first, *service.restart_on))
    if service.required_by:
        yield f"required_by {service.unit} {service.required_by}"
    if service.restart_after:
        yield f"restart_after {service.unit} {service.restart_after}"


def _here_document(content: str) -> str:
    """Return a here-document with this content, which must end with a newline."""
    lines = content.removesuffix("\n").split("\n")
    if _SCRIPT_END in lines:
        raise BundleError(f"a file for a host contains the line {_SCRIPT_END}, which ends the script")
    terminator = "EOF"
    while terminator in lines:
        terminator += "_"
    return "\n".join((f"<<'{terminator}'", *lines, terminator))
