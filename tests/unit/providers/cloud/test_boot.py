"""Tests of the boot program, run in a directory that emulates a machine, with a fake cloud."""

from __future__ import annotations

import stat

from testkit.boot import BootMachine, bundle, put_bundles, put_node_bundle
from topology.model import Role


class TestInstall:
    def test_install_only_installs_program_and_units(self, machine: BootMachine) -> None:
        machine.write_user_data()
        assert machine.run().returncode == 0
        assert machine.calls() == [
            "daemon-reload",
            "enable kubewright-boot.service kubewright-leaving.timer kubewright-repair.timer "
            "kubewright-requests.service",
            "start kubewright-boot.service kubewright-leaving.timer kubewright-repair.timer "
            "kubewright-requests.service",
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
        assert "OnUnitInactiveSec=30s" in (units / "kubewright-repair.timer").read_text()
        # The cloud's console shows why a machine without any login does not boot.
        assert "StandardOutput=journal+console\n" in service

    def test_an_unknown_command_is_refused(self, machine: BootMachine) -> None:
        machine.write_user_data()
        result = machine.run("fly")
        assert result.returncode == 1
        assert "no such command: fly" in result.stderr


class TestDeliver:
    def test_a_node_applies_its_bundle_from_the_store(self, machine: BootMachine, shell: str) -> None:
        expected = put_node_bundle(machine)
        result = machine.run("deliver", shell=shell)
        assert result.returncode == 0, result.stderr
        assert (machine.root / "etc/node.conf").read_text() == "one\n"
        assert (machine.root / "etc/kubewright/host.env").read_text() == (
            "NODE_NAME=i-0123\nNODE_IP=10.0.0.9\nPROVIDER_ID=fake:///zone/i-0123\n"
        )
        assert machine.status("pools/general/i-0123/node") == expected
        assert machine.calls()[-1] == "ready"

    def test_a_member_has_its_own_name_and_roles_in_order(self, machine: BootMachine) -> None:
        kind = "members/control-plane"
        roles = (Role.ETCD, Role.CONTROL_PLANE, Role.NODE)
        digest = put_bundles(machine, f"{kind}/cp-1", *map(bundle, roles))
        machine.write_user_data(
            KIND=kind,
            UNIT="cp-1",
            ROLES=" ".join(roles),
            DIGEST=digest,
            BOOT_NAME="cp-1",
            BOOT_ADDRESS="10.0.0.10",
        )
        result = machine.run("deliver")
        assert result.returncode == 0, result.stderr
        assert [machine.status(f"{kind}/cp-1/{role}") for role in roles] == [digest] * 3
        assert "NODE_NAME=cp-1\nNODE_IP=10.0.0.10\n" in (machine.root / "etc/kubewright/host.env").read_text()
        restarts = [line for line in machine.calls() if line.startswith("restart")]
        assert restarts == [f"restart {role}.service" for role in roles]

    def test_secrets_are_only_in_memory(self, machine: BootMachine) -> None:
        put_node_bundle(machine)
        assert machine.run("deliver").returncode == 0
        assert "mount /etc/kubernetes/pki" in machine.calls()
        fstab = (machine.root / "etc/fstab").read_text()
        assert "tmpfs /etc/kubernetes/pki tmpfs mode=0755,size=16m,nosuid,nodev,noexec,nofail 0 0\n" in fstab
        files_with_secret = [
            path for path in machine.root.rglob("*") if path.is_file() and b"PRIVATE KEY" in path.read_bytes()
        ]
        assert [str(path.relative_to(machine.root)) for path in files_with_secret] == [
            "etc/kubernetes/pki/token"
        ]
        assert not list((machine.root / "run/kubewright-boot").glob("*.payload"))

    def test_running_again_changes_nothing(self, machine: BootMachine) -> None:
        put_node_bundle(machine)
        machine.run("deliver")
        machine.calls()
        fstab = (machine.root / "etc/fstab").read_text()
        result = machine.run("deliver")
        assert "node unchanged" in result.stdout
        assert machine.calls() == ["ready"]
        assert (machine.root / "etc/fstab").read_text() == fstab

    def test_unhealthy_roles_are_not_reported(self, machine: BootMachine) -> None:
        digest = put_bundles(machine, "pools/general", bundle(ready="false"))
        machine.write_user_data(DIGEST=digest)
        result = machine.run("deliver")
        assert result.returncode == 1
        assert "node: not healthy yet" in result.stderr
        assert not machine.status("pools/general/i-0123/node")
        assert "ready" not in machine.calls()
        # systemd runs the program again, and then the service is healthy.
        new_digest = put_bundles(machine, "pools/general", bundle())
        assert machine.run("deliver").returncode == 0
        assert machine.status("pools/general/i-0123/node") == new_digest

    def test_old_statuses_are_cleared_first(self, machine: BootMachine) -> None:
        """When the cloud replaces a machine, the new machine clears the status that the old machine wrote.

        No deployer waits for the new machine, so no other program clears the status.
        """
        kind, roles = "members/etcd", (Role.ETCD,)
        digest = put_bundles(machine, f"{kind}/e-1", bundle(Role.ETCD))
        machine.put(f"status/{kind}/e-1/etcd", f"{digest}\n")
        # The machine has no volume yet and may wait a long time for the volume.
        machine.write_user_data(
            KIND=kind, UNIT="e-1", ROLES=" ".join(roles), DIGEST=digest, BOOT_NAME="e-1", VOLUME="vol-1"
        )
        assert machine.run("deliver").returncode == 1
        assert machine.status(f"{kind}/e-1/etcd") == ""
        (machine.fake / "device").write_bytes(bytes(2 << 20))
        assert machine.run("deliver").returncode == 0
        assert machine.status(f"{kind}/e-1/etcd") == digest
        # Statuses that were written after the boot remain, even if another step fails later.
        (machine.store / kind / "e-1/etcd.sh").unlink()
        assert machine.run("deliver").returncode == 1
        assert machine.status(f"{kind}/e-1/etcd") == digest
        machine.restart()
        assert machine.run("deliver").returncode == 1
        assert machine.status(f"{kind}/e-1/etcd") == ""

    def test_a_store_that_rejects_statuses_does_not_stop_the_delivery(self, machine: BootMachine) -> None:
        machine.reject_statuses()
        machine.write_user_data(DIGEST=put_node_bundle(machine))
        result = machine.run("deliver")
        assert result.returncode == 1
        assert "node: its old status in the store stays until it is healthy" in result.stdout
        assert "node is healthy, but that cannot be written to the store" in result.stderr
        assert (machine.root / "etc/node.conf").exists()

    def test_reports_the_digest_of_the_fetched_bundle(self, machine: BootMachine) -> None:
        digest = put_node_bundle(machine)
        machine.write_user_data(DIGEST="0" * 64)
        result = machine.run("deliver")
        assert "the store has changed since" in result.stdout
        assert machine.status("pools/general/i-0123/node") == digest

    def test_an_empty_store_is_an_error(self, machine: BootMachine) -> None:
        machine.write_user_data()
        result = machine.run("deliver")
        assert result.returncode == 1
        assert "the store does not give what pools/general is" in result.stderr

    def test_a_silent_metadata_service_is_an_error(self, machine: BootMachine) -> None:
        put_node_bundle(machine)
        (machine.fake / "silent").touch()
        result = machine.run("deliver")
        assert result.returncode == 1
        assert "the cloud does not tell who this machine is" in result.stderr

    def test_a_name_with_shell_characters_is_rejected(self, machine: BootMachine) -> None:
        put_node_bundle(machine)
        machine.cloud_functions.write_text(
            machine.cloud_functions.read_text().replace("BOOT_ID=fake", "BOOT_ID='$(reboot)'fake")
        )
        machine.write_user_data()
        result = machine.run("deliver")
        assert result.returncode == 1
        assert "what no node can be called" in result.stderr

    def test_the_authority_of_private_endpoints_is_a_file(self, machine: BootMachine) -> None:
        machine.cloud_functions.write_text(
            machine.cloud_functions.read_text() + 'cloud_ready() { cp "$CA_FILE" "$FAKE/ca"; }\n'
        )
        digest = put_bundles(machine, "pools/general", bundle())
        machine.write_user_data(
            DIGEST=digest, CA="-----BEGIN CERTIFICATE-----\nit's\n-----END CERTIFICATE-----"
        )
        assert machine.run("deliver").returncode == 0
        assert (machine.fake / "ca").read_text().endswith("it's\n-----END CERTIFICATE-----\n")
