"""Tests of the NFS client of nodes [H3] on virtual machines, because the kernel of the lab has no NFS client.

One machine is an NFS server, with the server of the kernel. The others run what a node gets: the artifact
`nfs` and the program of its unit. They mount a volume as the kubelet does, with the options of its
PersistentVolume.
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from artifacts import acquire, debian
from artifacts.cache import Cache
from artifacts.catalogue import binary
from artifacts.progress import Progress
from nodeconfig import bundles
from nodeconfig.host_paths import LIBRARY, NFS
from testkit.bundles import FakeIndex, cluster
from testkit.virtual_machines import Emulator, Image, Kernel, Machine
from topology.model import Role

SERVER = "10.9.0.5"
VOLUME = {"server": SERVER, "path": "/", "capacity": "1Gi", "mount_options": ["hard"]}
BOOT_SECONDS = 300
SERVE = """\
busybox mount -t tmpfs data /srv
echo '/srv 10.9.0.0/24(rw,no_root_squash,fsid=0,no_subtree_check)' >/etc/exports
busybox mount -t nfsd nfsd /proc/fs/nfsd
echo 10 >/proc/fs/nfsd/nfsv4leasetime
echo 10 >/proc/fs/nfsd/nfsv4gracetime
exportfs -ra && rpc.mountd -N 3 && rpc.nfsd -N 3 1 && echo '= serves'
while sleep 1; do :; done
"""
# The shell of busybox prefers its own programs to those on PATH, and its own mount needs no client.
FAIL = """\
/usr/sbin/mount -t nfs -o {options} {server}:/ /mnt || echo "= without the client: $?"
"""
MOUNT = """\
sh {library}/nfs-link && echo "= linked"
/usr/sbin/mount -t nfs -o {options} {server}:/ /mnt && echo "= mounted"
while read -r _ point type options; do
    [ "$point" != /mnt ] || echo "= $type $options"
done </proc/self/mounts
"""
WRITE = "echo 'data of pod 1' >/mnt/file && /usr/sbin/umount /mnt && echo '= written'\n"
READ = """\
echo "= $(cat /mnt/file)"
/usr/sbin/umount /mnt && echo "= unmounted"
sh {library}/nfs-unlink
ls /sbin/*nfs* 2>/dev/null || echo "= no links"
"""

pytestmark = [
    pytest.mark.release,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the emulated machine is amd64"),
]


@dataclass(frozen=True)
class Site:
    """What all machines share. `machines` are the running ones."""

    directory: Path
    kernel: Kernel
    emulator: Emulator
    packages: Path
    machines: list[Machine]

    def image(self, name: str) -> Image:
        """Return the files of a new machine with busybox and mount(8) of util-linux."""
        image = Image(self.directory / name)
        image.add_program("/bin/busybox", self.packages / "bin/busybox")
        image.add_debian_programs(self.packages, "mount", "umount")
        return image

    def start(self, number: int, files: Path) -> Machine:
        machine = Machine(self.emulator.command(self.kernel, files, number), self.emulator.environment)
        self.machines.append(machine)
        return machine

    def node(self, number: int, program: str) -> list[str]:
        """Run a program on a machine with the NFS client of a node. Return its results."""
        topology = cluster(sections={"storage": {"nfs": {"volumes": {"data": VOLUME}}}})
        assert topology.storage.nfs is not None
        (volume,) = topology.storage.nfs.volumes
        image = self.image(f"node-{number}")
        archive = acquire.fetch_or_build(binary("nfs"), Cache.default(), Progress(quiet=True))
        shutil.unpack_archive(archive, image.root / NFS.lstrip("/"), format="tar")
        bundle = bundles(topology, FakeIndex())["w-1", Role.NODE]
        for file in bundle.files:
            if file.path.startswith(f"{LIBRARY}/nfs-"):
                image.add_text(file.path, file.content)
        text = program.format(library=LIBRARY, server=volume.server, options=",".join(volume.mount_options))
        files = image.pack(self.kernel, ("nfs", "nfsv4"), f"10.9.0.{20 + number}", text)
        return self.start(number, files).wait_end(BOOT_SECONDS)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("machines")
    (directory / "programs").mkdir()
    packages = debian.unpack(
        ("nfs-kernel-server", "mount", "busybox-static"), directory / "programs", dependencies=True
    )
    kernel, emulator = Kernel(directory / "kernel"), Emulator()
    site = Site(directory, kernel, emulator, packages, [])
    try:
        yield site
    finally:
        for machine in site.machines:
            machine.stop()


@pytest.fixture(scope="module")
def server(site: Site) -> Machine:
    image = site.image("server")
    image.add_debian_programs(site.packages, "exportfs", "rpc.mountd", "rpc.nfsd")
    image.add_text("/etc/services", "nfs 2049/tcp\nnfs 2049/udp\n")
    for directory in ("srv", "var/lib/nfs"):
        (image.root / directory).mkdir(parents=True)
    image.add_text("/var/lib/nfs/etab", "")
    machine = site.start(5, image.pack(site.kernel, ("nfsd",), SERVER, SERVE))
    machine.wait_for("serves", BOOT_SECONDS)
    return machine


@pytest.mark.usefixtures("server")
def test_data_on_nfs_is_there_on_another_node(site: Site) -> None:
    """mount(8) finds the client only after the program of the unit ran. The second node reads the data."""
    first = site.node(1, FAIL + MOUNT + WRITE)
    assert first[0] == "without the client: 32"
    assert first[1:3] == ["linked", "mounted"]
    assert first[3].startswith("nfs4 rw,")
    assert "vers=4.2" in first[3], "the newest version of the server"
    assert ",hard," in first[3]
    assert first[4:] == ["written"]
    second = site.node(2, MOUNT + READ)
    assert second[3:] == ["data of pod 1", "unmounted", "no links"]
