"""The boot program run for real, in a directory, with a cloud that is one too."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest

from nodeconfig.bundle import AT_BOOT, Bundle, File, SecretFile, Service
from nodeconfig.render import payload, script
from providers.cloud.units import digest
from tests.support.boot import BootMachine
from tests.support.host import PROGRAM
from topology.model import Role

SECRET = "-----BEGIN PRIVATE KEY-----\nMIIC\n"


@pytest.fixture(params=[shell for shell in ("dash", "bash") if shutil.which(shell)])
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def machine(tmp_path: Path) -> BootMachine:
    return BootMachine(tmp_path)


def bundle(role: Role = Role.NODE, *, ready: str = "true") -> Bundle:
    unit = f"/etc/systemd/system/{role}.service"
    return Bundle(
        role=role,
        program=PROGRAM,
        files=(File(f"/etc/{role}.conf", "one\n"), File(unit, "[Service]\n")),
        secrets=(SecretFile("/etc/kubernetes/pki/token", "token"),),
        artifacts=(),
        services=(Service(f"{role}.service", ready=ready, timeout=0),),
    )


def offer(machine: BootMachine, prefix: str, *bundles: Bundle) -> str:
    """Puts bundles into the store; gives their digest."""
    contents = []
    for each in bundles:
        parts = script(each, AT_BOOT), payload(each, {"token": SECRET})
        for suffix, content in zip(("sh", "payload"), parts, strict=True):
            machine.put(f"{prefix}/{each.role}.{suffix}", content)
            contents.append(content)
    return digest(contents)


def node(machine: BootMachine) -> str:
    found = offer(machine, "pools/general", bundle())
    machine.describe(DIGEST=found)
    return found


class TestInstall:
    def test_cloud_init_only_puts_it_in_place(self, machine: BootMachine) -> None:
        machine.describe()
        assert machine.run().returncode == 0
        assert machine.did() == [
            "daemon-reload",
            "enable kubewright-boot.service kubewright-leaving.timer",
            "start kubewright-boot.service kubewright-leaving.timer",
        ]
        program = machine.root / "usr/local/lib/kubewright-boot/boot"
        assert program.read_text() == machine.user_data.read_text()
        assert stat.S_IMODE(program.stat().st_mode) == 0o700
        units = machine.root / "etc/systemd/system"
        service = (units / "kubewright-boot.service").read_text()
        assert "ExecStart=/bin/sh /usr/local/lib/kubewright-boot/boot deliver\n" in service
        assert "Restart=on-failure" in service
        assert "StartLimitIntervalSec=0" in service.partition("[Service]")[0]
        assert "OnUnitInactiveSec=10s" in (units / "kubewright-leaving.timer").read_text()

    def test_an_unknown_command_is_refused(self, machine: BootMachine) -> None:
        machine.describe()
        answer = machine.run("fly")
        assert answer.returncode == 1
        assert "no such command: fly" in answer.stderr


class TestDeliver:
    def test_a_node_becomes_what_the_store_says(self, machine: BootMachine, shell: str) -> None:
        expected = node(machine)
        answer = machine.run("deliver", shell=shell)
        assert answer.returncode == 0, answer.stderr
        assert (machine.root / "etc/node.conf").read_text() == "one\n"
        assert (machine.root / "etc/kubewright/host.env").read_text() == (
            "NODE_NAME=i-0123\nNODE_IP=10.0.0.9\nPROVIDER_ID=fake:///zone/i-0123\n"
        )
        assert machine.status("pools/general/i-0123/node") == expected
        assert machine.did()[-1] == "ready"

    def test_a_member_has_its_own_name_and_roles_in_order(self, machine: BootMachine) -> None:
        kind = "members/control-plane"
        roles = (Role.ETCD, Role.CONTROL_PLANE, Role.NODE)
        found = offer(machine, f"{kind}/cp-1", *map(bundle, roles))
        machine.describe(
            KIND=kind,
            UNIT="cp-1",
            ROLES=" ".join(roles),
            DIGEST=found,
            BOOT_NAME="cp-1",
            BOOT_ADDRESS="10.0.0.10",
        )
        answer = machine.run("deliver")
        assert answer.returncode == 0, answer.stderr
        assert [machine.status(f"{kind}/cp-1/{role}") for role in roles] == [found] * 3
        assert "NODE_NAME=cp-1\nNODE_IP=10.0.0.10\n" in (machine.root / "etc/kubewright/host.env").read_text()
        restarts = [line for line in machine.did() if line.startswith("restart")]
        assert restarts == [f"restart {role}.service" for role in roles]

    def test_secrets_are_in_memory_alone(self, machine: BootMachine) -> None:
        node(machine)
        assert machine.run("deliver").returncode == 0
        assert "mount /etc/kubernetes/pki" in machine.did()
        fstab = (machine.root / "etc/fstab").read_text()
        assert "tmpfs /etc/kubernetes/pki tmpfs mode=0755,size=16m,nosuid,nodev,noexec,nofail 0 0\n" in fstab
        holding = [
            path for path in machine.root.rglob("*") if path.is_file() and b"PRIVATE KEY" in path.read_bytes()
        ]
        assert [str(path.relative_to(machine.root)) for path in holding] == ["etc/kubernetes/pki/token"]
        assert not list((machine.root / "run/kubewright-boot").glob("*.payload"))

    def test_running_again_changes_nothing(self, machine: BootMachine) -> None:
        node(machine)
        machine.run("deliver")
        machine.did()
        fstab = (machine.root / "etc/fstab").read_text()
        answer = machine.run("deliver")
        assert "node unchanged" in answer.stdout
        assert machine.did() == ["ready"]
        assert (machine.root / "etc/fstab").read_text() == fstab

    def test_what_is_not_healthy_is_not_reported(self, machine: BootMachine) -> None:
        found = offer(machine, "pools/general", bundle(ready="false"))
        machine.describe(DIGEST=found)
        answer = machine.run("deliver")
        assert answer.returncode == 1
        assert "node: not healthy yet" in answer.stderr
        assert not machine.status("pools/general/i-0123/node")
        assert "ready" not in machine.did()
        # systemd runs it again: by then it is.
        again = offer(machine, "pools/general", bundle())
        assert machine.run("deliver").returncode == 0
        assert machine.status("pools/general/i-0123/node") == again

    def test_it_reports_what_it_fetched_not_what_it_was_told(self, machine: BootMachine) -> None:
        found = node(machine)
        machine.describe(DIGEST="0" * 64)
        answer = machine.run("deliver")
        assert "the store has changed since" in answer.stdout
        assert machine.status("pools/general/i-0123/node") == found

    def test_an_empty_store_is_said(self, machine: BootMachine) -> None:
        machine.describe()
        answer = machine.run("deliver")
        assert answer.returncode == 1
        assert "the store does not give what pools/general is" in answer.stderr

    def test_a_silent_cloud_is_said(self, machine: BootMachine) -> None:
        node(machine)
        (machine.fake / "silent").touch()
        answer = machine.run("deliver")
        assert answer.returncode == 1
        assert "the cloud does not tell who this machine is" in answer.stderr

    def test_a_name_that_is_a_command_is_refused(self, machine: BootMachine) -> None:
        node(machine)
        machine.half.write_text(machine.half.read_text().replace("BOOT_ID=fake", "BOOT_ID='$(reboot)'fake"))
        machine.describe()
        answer = machine.run("deliver")
        assert answer.returncode == 1
        assert "what no node can be called" in answer.stderr

    def test_the_authority_of_private_endpoints_is_a_file(self, machine: BootMachine) -> None:
        machine.half.write_text(machine.half.read_text() + 'cloud_ready() { cp "$CA_FILE" "$FAKE/ca"; }\n')
        found = offer(machine, "pools/general", bundle())
        machine.describe(DIGEST=found, CA="-----BEGIN CERTIFICATE-----\nit's\n-----END CERTIFICATE-----")
        assert machine.run("deliver").returncode == 0
        assert (machine.fake / "ca").read_text().endswith("it's\n-----END CERTIFICATE-----\n")


class TestVolume:
    kind = "members/etcd"

    @pytest.fixture
    def member(self, machine: BootMachine) -> BootMachine:
        found = offer(machine, f"{self.kind}/e-1", bundle(Role.ETCD))
        machine.describe(
            KIND=self.kind, UNIT="e-1", ROLES="etcd", DIGEST=found, BOOT_NAME="e-1", VOLUME="vol-1"
        )
        (machine.fake / "device").write_bytes(bytes(2 << 20))
        return machine

    def test_a_blank_one_gets_a_file_system_once(self, member: BootMachine) -> None:
        assert member.run("deliver").returncode == 0
        did = member.did()
        assert did[0] == "mkfs.ext4 -q -m 0 -L kubewright FAKE/device"
        mounts = [line for line in did if line.startswith("mount ")]
        assert mounts == [
            "mount /var/lib/kubewright-data",
            "mount /var/lib/etcd",
            "mount /var/lib/etcd-snapshots",
            "mount /etc/etcd/pki",
        ]
        assert did.index("chown -R etcd:etcd /var/lib/kubewright-data/etcd") < did.index(
            "restart etcd.service"
        )
        fstab = (member.root / "etc/fstab").read_text().splitlines()[1:]
        data = "/var/lib/kubewright-data"
        assert fstab[0] == f"UUID=12-34 {data} ext4 noatime,x-systemd.device-timeout=900,nofail 0 0"
        assert fstab[1] == f"{data}/etcd /var/lib/etcd none bind,nofail 0 0"
        # The next machine of that name finds it: it is checked, grown, and never made anew.
        member.restarted()
        assert member.run("deliver").returncode == 0
        again = member.did()
        assert again[:2] == ["e2fsck -p FAKE/device", "resize2fs FAKE/device"]
        assert not [line for line in again if line.startswith("mkfs")]
        assert (member.root / "etc/fstab").read_text().splitlines()[1:] == fstab

    def test_what_was_repaired_is_used(self, member: BootMachine) -> None:
        (member.fake / "type").write_text("ext4\n")
        (member.fake / "e2fsck.code").write_text("1")
        assert member.run("deliver").returncode == 0

    @pytest.mark.parametrize(
        ("file", "content", "message"),
        [
            ("device", b"data" + bytes(2 << 20), "has no file system and is not blank; it is left as it is"),
            ("device", bytes(1000), "has no file system and is not blank"),
            ("type", b"xfs\n", "has a file system of another kind, xfs"),
        ],
    )
    def test_what_may_be_somebodys_is_left_alone(
        self, member: BootMachine, file: str, content: bytes, message: str
    ) -> None:
        (member.fake / file).write_bytes(content)
        answer = member.run("deliver")
        assert answer.returncode == 1
        assert message in answer.stderr
        assert "vol-1" in answer.stderr
        assert not [line for line in member.did() if line.startswith(("mkfs", "mount", "restart"))]

    def test_one_beyond_repair_stops_the_member(self, member: BootMachine) -> None:
        (member.fake / "type").write_text("ext4\n")
        (member.fake / "e2fsck.code").write_text("4")
        answer = member.run("deliver")
        assert answer.returncode == 1
        assert "is damaged: what e2fsck says; repair it by hand" in answer.stderr
        assert not [line for line in member.did() if line.startswith(("mount", "restart"))]

    def test_without_its_volume_a_member_does_not_begin(self, member: BootMachine) -> None:
        (member.fake / "device").unlink()
        answer = member.run("deliver")
        assert "the data volume vol-1 cannot be had" in answer.stderr
        assert not [line for line in member.did() if line.startswith("restart")]


HOST_PROGRAM = (
    'set -eu\nWORK=$1\naway() { echo "away $*" >>"$FAKE/log"; }\nreset() { echo "reset $*" >>"$FAKE/log"; }\n'
)


class TestLeaving:
    @pytest.fixture
    def running(self, machine: BootMachine) -> BootMachine:
        """A member that is there, with a host program that only remembers."""
        machine.describe(
            KIND="members/control-plane", UNIT="cp-1", ROLES="etcd control-plane node", DIGEST="abc"
        )
        state = machine.root / "var/lib/kubewright"
        state.mkdir(parents=True)
        (state / "host.sh").write_text(HOST_PROGRAM)
        return machine

    def test_nobody_told_it(self, running: BootMachine) -> None:
        assert running.run("leaving").returncode == 0
        assert running.did() == []

    def test_it_is_drained_before_the_cloud_may_take_it(self, running: BootMachine) -> None:
        (running.fake / "told").touch()
        assert running.run("leaving").returncode == 0
        assert running.did() == ["stop kubewright-boot.service", "away 30", "left"]
        # Told once, done once.
        assert running.run("leaving").returncode == 0
        assert running.did() == []

    def test_a_drain_that_failed_is_tried_again(self, running: BootMachine) -> None:
        (running.fake / "told").touch()
        host = running.root / "var/lib/kubewright/host.sh"
        host.write_text(HOST_PROGRAM + "away() { exit 1; }\n")
        assert running.run("leaving").returncode == 1
        assert "left" not in running.did()
        host.write_text(HOST_PROGRAM)
        assert running.run("leaving").returncode == 0
        assert running.did()[-1] == "left"

    def test_a_machine_that_is_nothing_yet_just_goes(self, running: BootMachine) -> None:
        (running.root / "var/lib/kubewright/host.sh").unlink()
        (running.fake / "told").touch()
        assert running.run("leaving").returncode == 0
        assert running.did() == ["stop kubewright-boot.service", "left"]

    def test_a_member_leaves_for_good_in_the_reverse_order(self, running: BootMachine) -> None:
        running.put("members/control-plane/cp-1/leave", "leave\n")
        assert running.run("leaving").returncode == 0
        assert running.did() == [
            "stop kubewright-boot.service",
            "reset node leave 30",
            "reset control-plane leave 30",
            "reset etcd leave 30",
        ]
        assert running.status("members/control-plane/cp-1/left") == "abc"

    @pytest.mark.parametrize(("quorum", "tries"), [("yes", ["asks"]), ("no", ["asks", "just goes"])])
    def test_etcd_leaves_its_membership_also_when_the_whole_cluster_goes(
        self, running: BootMachine, quorum: str, tries: list[str]
    ) -> None:
        """The node's reset notes the cluster's end; etcd's would then leave the others without a quorum."""
        state = running.root / "var/lib/kubewright"
        resetting = f"""reset() {{
            case $1 in
            node) : >"{state}/leaving" ;;
            etcd)
                if [ -e "{state}/leaving" ]; then echo "just goes" >>"$FAKE/log"; return 0; fi
                echo asks >>"$FAKE/log"
                [ {quorum} = yes ]
                ;;
            esac
        }}\n"""
        (state / "host.sh").write_text(HOST_PROGRAM + resetting)
        running.put("members/control-plane/cp-1/leave", "leave\n")
        assert running.run("leaving").returncode == 0
        assert running.did() == ["stop kubewright-boot.service", *tries]
        assert running.status("members/control-plane/cp-1/left") == "abc"

    def test_a_member_that_cannot_leave_a_cluster_that_stays_is_tried_again(
        self, running: BootMachine
    ) -> None:
        host = running.root / "var/lib/kubewright/host.sh"
        host.write_text(HOST_PROGRAM + "reset() { [ $1 != etcd ]; }\n")
        running.put("members/control-plane/cp-1/leave", "leave\n")
        assert running.run("leaving").returncode == 1
        host.write_text(HOST_PROGRAM)
        assert running.run("leaving").returncode == 0
        assert "reset etcd leave 30" in running.did()

    def test_nodes_of_a_pool_cannot_be_told_so(self, machine: BootMachine) -> None:
        machine.describe()
        machine.put("pools/general/leave", "leave\n")
        assert machine.run("leaving").returncode == 0
        assert machine.did() == []
