"""Virtual machines with Debian's kernel, for what the kernel of the lab does not have.

QEMU, the kernel and programs come from Debian packages, without installation. QEMU runs in plain emulation,
so a machine needs no support of the processor; it boots within seconds. A machine has its files in memory.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import stat
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from artifacts import debian
from lab import emulator

_KERNEL = "linux-image-cloud-amd64"
_GROUP = "230.0.0.1"
"""The multicast group of the network between machines, on loopback of this machine."""
_CONTROL = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|c)")
"""Control sequences of the firmware, which come before the first line of the program."""
_DEVICE = "virtio-net-pci,netdev=net,romfile="
_PREPARE = """\
#!/bin/busybox sh
export PATH=/usr/sbin:/sbin:/bin:/usr/bin
/bin/busybox --install -s /usr/bin
ln -s busybox /bin/sh
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
busybox mount -t devtmpfs dev /dev
for module in {modules}; do insmod "/modules/$module.ko"; done
ip link set lo up
ip link set eth0 up
ip address add {address}/24 dev eth0
"""


def _needed_libraries(root: Path, programs: Iterable[Path]) -> Iterator[Path]:
    """Yield the shared libraries of programs, from the Debian packages in `root`."""
    directories = sorted({str(path.parent) for path in root.rglob("lib*.so*")})
    loader = str(_find(root, "ld-linux-x86-64.so.2"))
    for program in programs:
        command = [loader, "--inhibit-cache", "--library-path", ":".join(directories), "--list", str(program)]
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert "not found" not in shown, shown
        yield from (Path(path) for path in re.findall(r"=> (\S+) \(", shown))


def _find(root: Path, name: str) -> Path:
    """Return a file of Debian packages; a program rather than other files of the same name."""
    found = [path for path in sorted(root.rglob(name)) if path.is_file() and os.access(path, os.R_OK)]
    programs = [path for path in found if path.parent.name in ("bin", "sbin")]
    return (programs or found)[0]


class Kernel:
    """A kernel of Debian with its modules."""

    def __init__(self, directory: Path) -> None:
        meta = subprocess.run(["apt-cache", "depends", _KERNEL], capture_output=True, text=True, check=True)
        (package,) = re.findall(r"Depends: (linux-image-\S+)", meta.stdout)
        directory.mkdir()
        self._root = debian.unpack((package,), directory)

    @cached_property
    def image(self) -> Path:
        """The file that boots."""
        (path,) = self._root.glob("boot/vmlinuz-*")
        return path

    def modules(self, *names: str) -> list[Path]:
        """Return the files of modules and of the modules that they need, in the order of loading."""
        files = {path.stem.replace("-", "_"): path for path in self._root.rglob("*.ko")}
        ordered: dict[str, Path] = {}

        def add(name: str) -> None:
            if name not in files or name in ordered:
                return  # built in, or added before
            found = re.search(rb"\0depends=([^\0]+)", files[name].read_bytes())
            for other in found[1].decode().split(",") if found else ():
                add(other.replace("-", "_"))
            ordered[name] = files[name]

        for name in names:
            add(name)
        return list(ordered.values())


class Emulator:
    """The QEMU of the lab, and a network of the machines that it runs."""

    def __init__(self) -> None:
        self._qemu = emulator.ensure()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            self._network = f"{_GROUP}:{free.getsockname()[1]}"

    def command(self, kernel: Kernel, files: Path, number: int) -> list[str]:
        """Return the command that runs a machine. `files` is its initial file system."""
        network = f"socket,id=net,mcast={self._network},localaddr=127.0.0.1"
        return [
            *self._qemu.command,
            *("-accel", "tcg", "-cpu", "max", "-m", "512", "-nographic", "-no-reboot"),
            *("-netdev", network, "-device", f"{_DEVICE},mac=52:54:00:00:00:{number:02x}"),
            *("-kernel", str(kernel.image), "-initrd", str(files), "-append", "console=ttyS0 panic=-1 quiet"),
        ]

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the command."""
        return {"PATH": os.environ["PATH"], **self._qemu.environment}


@dataclass(frozen=True)
class Image:
    """The files of a machine below `root`."""

    root: Path

    def add_program(self, path: str, program: Path) -> None:
        """Copy a program to an absolute path of the machine."""
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(program, target)
        target.chmod(0o755)

    def add_debian_programs(self, root: Path, *names: str) -> None:
        """Copy programs of Debian packages to /usr/sbin, with their libraries and loader."""
        programs = [_find(root, name) for name in names]
        for program in programs:
            self.add_program(f"/usr/sbin/{program.name}", program)
        for library in _needed_libraries(root, programs):
            self.add_program(f"/usr/lib/x86_64-linux-gnu/{library.name}", library.resolve())
        self.add_program("/lib64/ld-linux-x86-64.so.2", _find(root, "ld-linux-x86-64.so.2").resolve())

    def add_text(self, path: str, text: str) -> None:
        """Write an executable text file."""
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(0o755)

    def pack(self, kernel: Kernel, modules: Iterable[str], address: str, program: str) -> Path:
        """Return the initial file system of a machine that runs an sh program and then ends."""
        for directory in ("proc", "sys", "dev", "run", "etc", "tmp", "mnt", "sbin", "usr/bin"):
            (self.root / directory).mkdir(parents=True, exist_ok=True)
        files = kernel.modules("virtio_net", "virtio_pci", *modules)
        for file in files:
            self.add_program(f"/modules/{file.stem}.ko", file)
        prepare = _PREPARE.format(modules=" ".join(file.stem for file in files), address=address)
        self.add_text("/init", f"{prepare}{program}poweroff -f\n")
        target = self.root.with_suffix(".initrd")
        target.write_bytes(b"".join(_archive(self.root)))
        return target


def _archive(root: Path) -> Iterator[bytes]:
    """Yield a cpio archive, as the kernel reads it (initramfs buffer format)."""
    for number, path in enumerate(sorted(root.rglob("*")), 1):
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            data = os.fsencode(path.readlink())
        else:
            data = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
        yield _archive_entry(str(path.relative_to(root)), status.st_mode, data, number)
    yield _archive_entry("dev/console", stat.S_IFCHR | 0o600, b"", 0, device=(5, 1))
    yield _archive_entry("TRAILER!!!", 0, b"", 0)


def _archive_entry(name: str, mode: int, data: bytes, number: int, device: tuple[int, int] = (0, 0)) -> bytes:
    encoded = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(encoded), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
    return header + bytes(-len(header) % 4) + data + bytes(-len(data) % 4)


class Machine:
    """A running machine. Its console is text; lines of its program that begin with `= ` are results."""

    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._lines: list[str] = []
        self._changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                self._lines.append(_CONTROL.sub("", line).rstrip())
                self._changed.notify_all()

    @property
    def console(self) -> str:
        """The text of the console."""
        return "\n".join(self._lines)

    def results(self) -> list[str]:
        """Return the results that the machine has printed."""
        return [line.removeprefix("= ") for line in self._lines if line.startswith("= ")]

    def wait_for(self, result: str, timeout: float) -> None:
        """Wait until the machine prints a result. Raise AssertionError with its console otherwise."""
        with self._changed:
            found = self._changed.wait_for(lambda: result in self.results(), timeout)
        assert found, self.console

    def wait_end(self, timeout: float) -> list[str]:
        """Wait until the machine ends. Return its results."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(self.console) from None
        return self.results()

    def stop(self) -> None:
        """End the machine."""
        self._process.kill()
        self._process.wait()
