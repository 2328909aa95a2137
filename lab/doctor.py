"""Checks whether the machine can run a lab. Each check reports the missing prerequisites."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from artifacts import directories
from lab import cgroups, machine, network
from lab.errors import LabError
from lab.paths import labs
from lab.spec import LabSpec, link_name

TOOLS = {
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "docker-registry": "docker-registry",
    "ip": "iproute2",
    "nft": "nftables",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "losetup": "mount",
    "apt-config": "apt",
}
"""Programs that the lab runs, with the Debian package of each."""

# A test of all required kernel features in a temporary namespace.
KERNEL_TEST = """\
set -eu
ip link add probe0 type bridge
ip link add probe1 type veth peer name probe2
ip link add probe3 type vxlan id 1 dstport 8472 dev probe1
mount -t tmpfs tmpfs "$1"
mkdir "$1/lower" "$1/upper" "$1/work" "$1/root"
mount -t overlay probe -o "lowerdir=$1/lower,upperdir=$1/upper,workdir=$1/work" "$1/root"
"""


@dataclass(frozen=True, slots=True)
class Problem:
    """A missing prerequisite of a lab, as text for the user: `what` is missing, and the `remedy`."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}: {self.remedy}"


def problems(spec: LabSpec | None = None) -> list[Problem]:
    """Return the missing prerequisites of this lab on this machine, or of any lab if `spec` is None."""
    try:
        check_caller()
    except LabError as error:
        what, _, remedy = str(error).partition(": ")
        return [Problem(what, remedy)]
    missing = _missing_tools()
    if missing:
        return missing
    missing = [*_kernel_problems(), *_storage_problems()]
    if spec is not None:
        missing += _spec_problems(spec)
    return missing


def require_prerequisites(spec: LabSpec) -> None:
    """Raise LabError with all missing prerequisites of the lab. Call this function before any change."""
    missing = problems(spec)
    if missing:
        raise LabError("this machine cannot have the lab: " + "; ".join(str(problem) for problem in missing))


def check_caller() -> None:
    """Raise LabError if the operating system or the user cannot run any lab."""
    if sys.platform != "linux":
        remedy = "the lab needs Linux; use a virtual machine with Debian"
        raise LabError(f"this machine runs {sys.platform}: {remedy}")
    if os.geteuid() != 0:
        raise LabError("not root: the lab makes namespaces and mounts; run the same command with sudo")


def _missing_tools() -> list[Problem]:
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if not missing:
        return []
    packages = " ".join(sorted({TOOLS[tool] for tool in missing}))
    return [
        Problem(f"{', '.join(missing)} not installed", f"apt-get install --no-install-recommends {packages}")
    ]


def _kernel_problems() -> list[Problem]:
    if not cgroups.hierarchies():
        return [Problem("no control groups are mounted", "mount -t cgroup2 none /sys/fs/cgroup")]
    machine.load_modules()
    probe = subprocess.run(
        [
            "unshare",
            "--mount",
            "--net",
            "--pid",
            "--fork",
            "--ipc",
            "--uts",
            "sh",
            "-c",
            KERNEL_TEST,
            "sh",
            "/mnt",
        ],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    if probe.returncode:
        reason = (probe.stderr.strip() or "no reason given").splitlines()[-1]
        return [
            Problem(
                f"the kernel refuses a namespace with bridge, veth, vxlan and overlay ({reason})",
                "use a machine or virtual machine of your own, not an unprivileged container",
            )
        ]
    return []


def _storage_problems() -> list[Problem]:
    missing = []
    for variable, home in (
        (directories.STATE, directories.state()),
        (directories.CACHE, directories.cache()),
    ):
        home.mkdir(parents=True, exist_ok=True)
        kind = filesystem_type(home)
        if kind in ("overlay", "nfs", "nfs4", "9p", "fuse", "virtiofs", "vfat"):
            missing.append(
                Problem(
                    f"{home} is on {kind}, which cannot carry the hosts' disks",
                    f"set ${variable} to a directory on ext4, xfs or tmpfs",
                )
            )
    return missing


def filesystem_type(path: Path) -> str:
    """Return the type of the file system that contains `path`, for example `ext4`."""
    best, kind = Path("/"), "unknown"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        mount = Path(before.split(" ")[4].replace("\\040", " "))
        if path.is_relative_to(mount) and len(mount.parts) >= len(best.parts):
            best, kind = mount, after.split(" ")[0].partition(".")[0]
    return kind


def _spec_problems(spec: LabSpec) -> list[Problem]:
    missing = []
    taken = network.conflicting_route(spec.network, ignored_link=link_name(spec.name))
    if taken:
        missing.append(
            Problem(
                f"network: {spec.network} is used already ({taken})",
                f"choose another range; labs here: {', '.join(labs()) or 'none'}",
            )
        )
    if spec.mirror is not None and not (spec.mirror / "index.json").is_file():
        missing.append(Problem(f"mirror: {spec.mirror} has no index.json", "make it with `make mirror`"))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 4096:
        missing.append(Problem(f"only {hard} open files are allowed", "raise it: ulimit -Hn 65536"))
    return missing
