"""Data volumes of cloud machines: files in the state of the lab that hosts see as block devices.

As in a cloud, a volume remains when its host is removed. The volume is removed with its lab.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import cgroups, hosts
from lab.commands import run, wait
from lab.errors import LabError
from lab.locks import hold_lock
from lab.paths import LabPaths

LIMIT = 64 * 1024**3
"""Bytes. Volumes are sparse files, so the limit only protects from mistakes."""

# The script runs in the host. The /dev of a host is separate, so devices do not appear there automatically.
APPEAR = """\
set -eu
device=$1 minor=$2; shift 2
[ -b "$device" ] || mknod -m 0660 "$device" b 7 "$minor"
for link; do mkdir -p "${link%/*}"; ln -sfn "$device" "$link"; done
"""

DISAPPEAR = 'device=$1; shift; rm -f "$device" "$@"'


@dataclass(frozen=True, slots=True)
class Attached:
    """The location of an attached volume: the host and the paths on that host."""

    host: str
    links: tuple[str, ...]


def create(lab: str, volume: str, size: int) -> None:
    """Create an empty volume of `size` bytes. Keep an existing volume. Raises LabError."""
    if not 0 < size <= LIMIT:
        raise LabError(f"{volume}: a volume has 1 to {LIMIT} bytes, not {size}")
    path = _image_file(lab, volume)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        with path.open("wb") as file:
            file.truncate(size)


def attach(lab: str, volume: str, host: str, links: Sequence[str]) -> None:
    """Attach a volume to a running host, at each of `links` (absolute paths below /dev).

    Raises LabError if the volume is attached to another host, or if the machine has no free loop device.
    """
    with hold_lock(f"volumes-{lab}"):
        if not _image_file(lab, volume).exists():
            raise LabError(f"{volume}: lab {lab} has no such volume")
        now = attached(lab, volume)
        if now is not None and now.host != host:
            raise LabError(f"{volume}: is attached to {now.host}; detach it first")
        record = {"host": host, "links": list(links)}
        _record_file(lab, volume).write_text(json.dumps(record))
    appear(lab, volume)


def appear(lab: str, volume: str) -> None:
    """Create the device of an attached volume in its host, also after a restart of the host. Raises
    LabError.
    """
    now = attached(lab, volume)
    if now is None:
        raise LabError(f"{volume}: is attached to no host")
    device = _find_loop_device(_image_file(lab, volume)) or _attach_loop_device(_image_file(lab, volume))
    minor = device.removeprefix("/dev/loop")
    done = hosts.execute(
        lab, now.host, ["sh", "-c", APPEAR, "sh", device, minor, *now.links], stdin="", timeout=20
    )
    if done.returncode:
        raise LabError(f"{now.host}: volume {volume} does not appear: {done.stderr.strip()}")


def detach(lab: str, volume: str) -> None:
    """Detach a volume from its host. A host that still uses the volume keeps it until the host ends. Raises
    LabError.
    """
    now = attached(lab, volume)
    device = _find_loop_device(_image_file(lab, volume))
    if now is not None and device and cgroups.init(lab, now.host) is not None:
        hosts.execute(lab, now.host, ["sh", "-c", DISAPPEAR, "sh", device, *now.links], stdin="", timeout=20)
    _record_file(lab, volume).unlink(missing_ok=True)
    if device:
        run(["losetup", "--detach", device], what=f"volume {volume}")


def attached(lab: str, volume: str) -> Attached | None:
    """Return the location of an attached volume, or None."""
    try:
        record = json.loads(_record_file(lab, volume).read_text())
    except FileNotFoundError:
        return None
    return Attached(host=record["host"], links=tuple(record["links"]))


def of_host(lab: str, host: str) -> list[str]:
    """Return the names of the volumes that are attached to a host."""
    found = {volume: attached(lab, volume) for volume in volumes(lab)}
    return [volume for volume, now in found.items() if now is not None and now.host == host]


def volumes(lab: str) -> list[str]:
    """Return the names of all volumes of a lab, sorted."""
    return sorted(path.stem for path in _volumes_directory(lab).glob("*.img"))


def leave(lab: str, host: str) -> None:
    """Detach all volumes of a host that has ended. Raises LabError."""
    for volume in of_host(lab, host):
        detach(lab, volume)


def release(state: Path) -> None:
    """Release every loop device of volumes below a lab's directory, for any host.

    Raises LabError when a device stays in use.
    """

    def free() -> bool:
        for device in devices(state):
            run(["losetup", "--detach", device], what=f"volume at {device}")
        return not devices(state)

    if not wait(free, timeout=10, pause=0.2):
        raise LabError(f"{', '.join(devices(state))}: loop devices of {state} stay in use; who mounts them?")


def devices(state: Path) -> list[str]:
    """Return the loop devices whose files are below a lab's directory."""
    found = json.loads(run(["losetup", "--json", "--list"], what="loop devices") or '{"loopdevices": []}')
    files = {item["name"]: item["back-file"] or "" for item in found["loopdevices"]}
    return [name for name, file in files.items() if Path(file).is_relative_to(state)]


def _find_loop_device(image: Path) -> str:
    """Return the loop device of an image file, or an empty text."""
    return run(
        ["losetup", "--associated", str(image), "--noheadings", "--output", "NAME"], what=image.stem
    ).strip()


def _attach_loop_device(image: Path) -> str:
    try:
        return run(["losetup", "--find", "--show", str(image)], what=f"volume {image.stem}").strip()
    except LabError as error:
        raise LabError(f"{error}; `losetup --list` shows who has this machine's loop devices") from error


def _volumes_directory(lab: str) -> Path:
    return LabPaths.of(lab).root / "volumes"


def _image_file(lab: str, volume: str) -> Path:
    return _volumes_directory(lab) / f"{volume}.img"


def _record_file(lab: str, volume: str) -> Path:
    return _volumes_directory(lab) / f"{volume}.json"
