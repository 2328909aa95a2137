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

MAX_BYTES = 64 * 1024**3
"""Maximum size of a volume. Volumes are sparse files, so the limit only protects from mistakes."""

# A shell script that creates the device of a volume and its links in a host. The /dev of a host is
# separate, so devices of the machine do not appear there automatically.
CREATE_DEVICE = """\
set -eu
device=$1 minor=$2; shift 2
[ -b "$device" ] || mknod -m 0660 "$device" b 7 "$minor"
for link; do mkdir -p "${link%/*}"; ln -sfn "$device" "$link"; done
"""

REMOVE_DEVICE = 'device=$1; shift; rm -f "$device" "$@"'


@dataclass(frozen=True, slots=True)
class Attachment:
    """The host of an attached volume, and the paths of the volume's device on that host."""

    host: str
    links: tuple[str, ...]


def create(lab: str, volume: str, size: int) -> None:
    """Create an empty volume of `size` bytes. Keep an existing volume. Raise LabError for a wrong size."""
    if not 0 < size <= MAX_BYTES:
        raise LabError(f"{volume}: a volume has 1 to {MAX_BYTES} bytes, not {size}")
    path = _image_file(lab, volume)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        with path.open("wb") as file:
            file.truncate(size)


def attach(lab: str, volume: str, host: str, links: Sequence[str]) -> None:
    """Attach a volume to a running host, at each of `links` (absolute paths below /dev).

    Raise LabError if the volume is attached to another host, or if the machine has no free loop device.
    """
    with hold_lock(f"volumes-{lab}"):
        if not _image_file(lab, volume).exists():
            raise LabError(f"{volume}: lab {lab} has no such volume")
        now = attachment(lab, volume)
        if now is not None and now.host != host:
            raise LabError(f"{volume}: is attached to {now.host}; detach it first")
        record = {"host": host, "links": list(links)}
        _record_file(lab, volume).write_text(json.dumps(record))
    create_device(lab, volume)


def create_device(lab: str, volume: str) -> None:
    """Create the block device of an attached volume in its host, for example after the host has booted again.

    Raise LabError if the volume is not attached or the device cannot be created.
    """
    now = attachment(lab, volume)
    if now is None:
        raise LabError(f"{volume}: is attached to no host")
    device = _find_loop_device(_image_file(lab, volume)) or _attach_loop_device(_image_file(lab, volume))
    minor = device.removeprefix("/dev/loop")
    result = hosts.execute(
        lab, now.host, ["sh", "-c", CREATE_DEVICE, "sh", device, minor, *now.links], stdin="", timeout=20
    )
    if result.returncode:
        raise LabError(f"{now.host}: volume {volume} does not appear: {result.stderr.strip()}")


def detach(lab: str, volume: str) -> None:
    """Detach a volume from its host. A host that still uses the volume keeps access until the host stops.

    Raise LabError if the loop device cannot be detached.
    """
    now = attachment(lab, volume)
    device = _find_loop_device(_image_file(lab, volume))
    if now is not None and device and cgroups.init_pid(lab, now.host) is not None:
        hosts.execute(
            lab, now.host, ["sh", "-c", REMOVE_DEVICE, "sh", device, *now.links], stdin="", timeout=20
        )
    _record_file(lab, volume).unlink(missing_ok=True)
    if device:
        run(["losetup", "--detach", device], what=f"volume {volume}")


def attachment(lab: str, volume: str) -> Attachment | None:
    """Return the host and the paths of an attached volume; None for a detached volume."""
    try:
        record = json.loads(_record_file(lab, volume).read_text())
    except FileNotFoundError:
        return None
    return Attachment(host=record["host"], links=tuple(record["links"]))


def attached_to(lab: str, host: str) -> list[str]:
    """Return the names of the volumes that are attached to a host."""
    attachments = {volume: attachment(lab, volume) for volume in volumes(lab)}
    return [volume for volume, now in attachments.items() if now is not None and now.host == host]


def volumes(lab: str) -> list[str]:
    """Return the names of all volumes of a lab, sorted."""
    return sorted(path.stem for path in _volumes_directory(lab).glob("*.img"))


def detach_all(lab: str, host: str) -> None:
    """Detach all volumes of a stopped host. Raise LabError if a loop device cannot be detached."""
    for volume in attached_to(lab, host):
        detach(lab, volume)


def detach_loop_devices(state: Path) -> None:
    """Detach the loop devices of all volumes of a lab. `state` is the state directory of the lab.

    Raise LabError when a device stays in use.
    """

    def all_detached() -> bool:
        for device in loop_devices(state):
            run(["losetup", "--detach", device], what=f"volume at {device}")
        return not loop_devices(state)

    if not wait(all_detached, timeout=10, pause=0.2):
        raise LabError(
            f"{', '.join(loop_devices(state))}: loop devices of {state} stay in use; who mounts them?"
        )


def loop_devices(state: Path) -> list[str]:
    """Return the paths of the loop devices whose image files are below `state`, a lab's state directory."""
    listing = json.loads(run(["losetup", "--json", "--list"], what="loop devices") or '{"loopdevices": []}')
    files = {item["name"]: item["back-file"] or "" for item in listing["loopdevices"]}
    return [name for name, file in files.items() if Path(file).is_relative_to(state)]


def _find_loop_device(image: Path) -> str:
    """Return the path of the loop device of an image file, or an empty text."""
    return run(
        ["losetup", "--associated", str(image), "--noheadings", "--output", "NAME"], what=image.stem
    ).strip()


def _attach_loop_device(image: Path) -> str:
    """Attach an image file to a loop device. Return its path. Raise LabError if no loop device is free."""
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
