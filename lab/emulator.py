"""QEMU from Debian packages, which are unpacked once and not installed on the machine."""

from __future__ import annotations

import hashlib
import platform
import tempfile
from dataclasses import dataclass
from pathlib import Path

from artifacts import debian, directories
from artifacts.errors import ArtifactError
from lab.errors import LabError
from lab.locks import hold_lock

PACKAGES = ("qemu-system-x86", "seabios")
_KEY = hashlib.sha256("\n".join(PACKAGES).encode()).hexdigest()[:16]
"""The key of the unpacked packages in the cache."""


@dataclass(frozen=True, slots=True)
class Emulator:
    """An unpacked QEMU: the start of its command line, and variables of its environment."""

    command: tuple[str, ...]
    environment: dict[str, str]


def ensure() -> Emulator:
    """Return QEMU. Download and unpack its packages if they are not cached (about 15 s).

    Raise LabError on a machine that is not x86_64, or if a package is unavailable.
    """
    if platform.machine() != "x86_64":
        raise LabError(f"virtual machines of the lab are x86_64, and this machine is {platform.machine()}")
    home = directories.cache() / "lab" / f"qemu-{_KEY}"
    with hold_lock("qemu", timeout=600):
        if not home.is_dir():
            home.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=home.parent, prefix="qemu-building-") as scratch:
                try:
                    debian.unpack(PACKAGES, Path(scratch), dependencies=True).rename(home)
                except ArtifactError as error:
                    raise LabError(f"QEMU of the lab's virtual machines: {error}") from error
    return describe(home)


def describe(root: Path) -> Emulator:
    """Return the QEMU whose packages are unpacked in `root`."""
    libraries = ":".join(sorted({str(path.parent) for path in root.rglob("lib*.so*")}))
    share = root / "usr/share"
    (accelerator,) = root.rglob("accel-tcg-x86_64.so")
    (loader,) = root.glob("lib/*/ld-linux-x86-64.so.2")
    return Emulator(
        command=(
            *(str(loader), "--library-path", libraries, str(root / "usr/bin/qemu-system-x86_64")),
            *("-L", str(share / "seabios"), "-L", str(share / "qemu")),
        ),
        environment={"QEMU_MODULE_DIR": str(accelerator.parent)},
    )
