"""Hosts of the lab that are virtual machines with Debian's kernel, for what the machine's kernel lacks.

QEMU runs in plain emulation, so a virtual machine needs no support of the processor, and is slow: it boots in
about half a minute. Its disk is an image of the same root file system and the same files of the host as in a
container. QEMU is process 1 of a pid namespace, as systemd is in a container.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

from lab import cgroups, commands, host_files, network
from lab.emulator import ensure as ensure_emulator
from lab.errors import LabError
from lab.paths import LabPaths
from lab.spec import LabHost, LabSpec

BOOT_TIMEOUT = 600.0
"""Seconds from launch until sshd must answer. On an idle machine sshd answers after about 30 s."""

ANSWER_TIMEOUT = 10.0
"""Seconds of one attempt to reach sshd. Abandoned attempts would occupy the emulated processor."""

DISK_SIZE = "24G"
"""Size of the disk. Its image is a sparse file."""

PROCESSORS = "2"
"""Number of emulated processors. On a single processor, a server can accept and end a connection before its
client runs, so that upstream's tests of SCTP fail (docs/conformance.md).
"""

KERNEL_OPTIONS = "root=/dev/vda rw console=ttyS0 net.ifnames=0 panic=-1 tsc=reliable quiet"

# The image contains the merged overlay. A partial image never gets the name of the disk.
IMAGE_SCRIPT = """\
set -eu
lower=$1 home=$2 size=$3
mount -t overlay lab -o "lowerdir=$lower,upperdir=$home/upper,workdir=$home/work" "$home/root"
mkdir -p "$home/disk"
rm -f "$home/disk/root.new"
truncate --size="$size" "$home/disk/root.new"
mke2fs -q -t ext4 -m 0 -E lazy_itable_init=1,lazy_journal_init=1 -d "$home/root" "$home/disk/root.new"
mv "$home/disk/root.new" "$home/disk/root.img"
"""

# Joins the control groups and the network of the host, then becomes the parent of QEMU. QEMU ends with it.
LAUNCH_SCRIPT = """\
set -eu
groups=$1 network=$2; shift 2
for group in $groups; do echo $$ > "$group"; done
exec nsenter --net="$network" unshare --pid --fork --kill-child "$@"
"""

NETWORK_FILE = """\
[Match]
MACAddress={hardware_address}

[Network]
Address={address}
Gateway={gateway}
"""


def is_virtual(lab: str, host: str) -> bool:
    """Check whether a host of a lab has the disk of a virtual machine."""
    return _disk(lab, host).exists()


def launch(spec: LabSpec, host: LabHost, root: Path, console: Path) -> subprocess.Popen[bytes]:
    """Start a stopped host whose files are prepared. Make its disk if the disk is missing.

    The output of the machine's serial port goes to the file `console`. Raise LabError if the disk or QEMU
    cannot be made.
    """
    emulator = ensure_emulator()
    if not is_virtual(spec.name, host.name):
        _create_disk(spec, host, root)
    groups = " ".join(cgroups.join_files(spec.name, host.name))
    namespace = network.NAMESPACES / network.host_namespace(spec.name, host.name)
    return commands.launch(
        [
            *("sh", "-c", LAUNCH_SCRIPT, "sh", groups, str(namespace)),
            *emulator.command,
            *_options(spec, host, root),
        ],
        console=console,
        environment=emulator.environment,
    )


def power_off(lab: str, host: LabHost) -> None:
    """Tell the systemd of a host to shut down. A host that does not answer is no error."""
    command = ssh_command(lab, host, ["systemctl", "poweroff"])
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)


def ssh_command(lab: str, host: LabHost, argv: Sequence[str], *, terminal: bool = False) -> list[str]:
    """Return the command that runs `argv` as root inside a host, by SSH with the key of the lab."""
    paths = LabPaths.of(lab)
    options = ("BatchMode=yes", "ConnectTimeout=15", "LogLevel=ERROR", "StrictHostKeyChecking=yes")
    return [
        *("ssh", "-F", "none", "-i", str(paths.user_key), "-o", f"UserKnownHostsFile={paths.known_hosts}"),
        *(word for option in options for word in ("-o", option)),
        *(["-t"] if terminal else []),
        *(f"root@{host.address}", "--", shlex.join(argv)),
    ]


def _create_disk(spec: LabSpec, host: LabHost, root: Path) -> None:
    home = LabPaths.of(spec.name).host(host.name)
    address = host.inner or f"{host.address}/{spec.network.prefixlen}"
    text = NETWORK_FILE.format(
        hardware_address=network.hardware_address(spec.name, str(host.address)),
        address=address,
        gateway=host.inner.network[1] if host.inner else spec.gateway,
    )
    host_files.write_file(home / "upper/etc/systemd/network/10-lab.network", text)
    commands.run(
        [
            *("unshare", "--mount", "--propagation", "private"),
            *("sh", "-c", IMAGE_SCRIPT, "sh", str(root), str(home), DISK_SIZE),
        ],
        what=f"{host.name}: disk",
        timeout=300,
    )


def _options(spec: LabSpec, host: LabHost, root: Path) -> list[str]:
    """Return the options of QEMU. AVX is off, because its emulation is slower than other instructions."""
    mac = network.hardware_address(spec.name, str(host.address))
    disk = f"file={_disk(spec.name, host.name)},if=virtio,format=raw,cache=writeback"
    return [
        *("-accel", "tcg,tb-size=256", "-cpu", "max,avx=off,avx2=off", "-smp", PROCESSORS),
        *("-m", f"{host.memory >> 20}M", "-nodefaults", "-no-user-config", "-no-reboot"),
        *("-display", "none", "-serial", "stdio", "-monitor", "none"),
        *("-kernel", str(_boot_file(root, "vmlinuz")), "-initrd", str(_boot_file(root, "initrd.img"))),
        *("-append", KERNEL_OPTIONS, "-drive", disk),
        *("-netdev", f"tap,id=net,ifname={network.TAP},script=no,downscript=no"),
        *("-device", f"virtio-net-pci,netdev=net,romfile=,mac={mac}", "-device", "virtio-rng-pci"),
    ]


def _boot_file(root: Path, name: str) -> Path:
    """Return a file of the kernel in the root file system. Raise LabError if there is none."""
    for path in sorted((root / "boot").glob(f"{name}-*")):
        return path
    raise LabError(f"{root}: has no {name}; remove this directory, and the next command builds it again")


def _disk(lab: str, host: str) -> Path:
    return LabPaths.of(lab).host(host) / "disk/root.img"
