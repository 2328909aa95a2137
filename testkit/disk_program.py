"""The program of `lab/disk`, a file system that shows another directory, as text for scripts of hosts."""

from __future__ import annotations

import base64
from pathlib import Path

from artifacts.cache import Cache
from testkit.go_programs import build_program

SOURCE = Path(__file__).resolve().parent.parent / "lab" / "disk"
NAME = "hanging-disk"
PROGRAM = f"/opt/{NAME}"
"""Path of the program on a host."""
_INSTALL = f"""
base64 -d >{PROGRAM} <<'END'
@program@
END
chmod 700 {PROGRAM}
[ -e /dev/fuse ] || mknod -m 666 /dev/fuse c 10 229
"""
_MOUNT = f"""
systemd-run --quiet --collect --unit={NAME} {PROGRAM} -hang {{switch}} {{directory}} {{mount}}
for _ in 1 2 3 4 5 6 7 8 9 10; do
    ! mountpoint -q {{mount}} || break
    sleep 0.5
done
mountpoint -q {{mount}}
"""


def install_program() -> str:
    """Return a script that writes the program to a host. Build the program first, unless the cache has it."""
    program = build_program(SOURCE, NAME, Cache.default())
    return _INSTALL.replace("@program@", base64.b64encode(program.read_bytes()).decode())


def mount_directory(directory: str, mount: str, switch: str) -> str:
    """Return a script that shows `directory` at `mount`. fsync hangs while the file `switch` exists."""
    return _MOUNT.format(directory=directory, mount=mount, switch=switch)
