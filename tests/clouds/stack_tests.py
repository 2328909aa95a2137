"""Tests that the stacks of all clouds share. The file of a cloud puts its own tests between these classes.

The order of the classes matters, because their tests use one stack, which the last class removes.
"""

from __future__ import annotations

import re

from testkit.wait import eventually
from tests.clouds.stack import MEMBER, UP_SECONDS, CloudStack, expect_no_problems


class ClusterTests:
    """Tests of a new cluster."""

    def test_up_creates_a_cluster_and_a_preview_is_empty(self, stack: CloudStack) -> None:
        stack.wait_until_healthy(2)
        assert not stack.previewed_operations()

    def test_nodes_have_the_data_of_the_cloud(self, stack: CloudStack) -> None:
        stack.expect_data_of_the_cloud()

    def test_machines_fetch_their_files_from_the_store(self, stack: CloudStack) -> None:
        stack.expect_files_of_the_own_store()

    def test_status_finds_every_machine_and_no_problems(self, stack: CloudStack) -> None:
        stack.expect_complete_status()

    def test_diagnose_certificates_and_cis_work_as_on_bare_metal(self, stack: CloudStack) -> None:
        expect_no_problems(stack.command("diagnose").text)
        certificates = stack.command("certificates").text
        for machine in stack.machines():
            assert f"kubelet-client of {machine}" in certificates
        assert " 0 FAIL" in stack.command("cis").text


class FileStorageTests:
    """Tests of the file storage of a cloud. The stand-in charts of its driver start pods that do nothing.

    So no volume is mounted.
    """

    port: int
    controller: str

    def test_controller_of_the_driver_runs_on_the_control_plane(self, stack: CloudStack) -> None:
        deployment = f"deployment/{self.controller}"
        stack.kubectl("rollout", "status", deployment, "--namespace=kube-system", "--timeout=50s")
        pods = stack.get("pods", "--namespace=kube-system")["items"]
        found = [pod["spec"] for pod in pods if pod["metadata"]["name"].startswith(f"{self.controller}-")]
        assert {spec["nodeName"] for spec in found} == {MEMBER}
        assert all(spec["hostNetwork"] for spec in found)

    def test_pods_do_not_reach_the_file_storage(self, stack: CloudStack) -> None:
        for machine in stack.machines():
            assert f"tcp dport {self.port} drop" in stack.run_on(machine, "cat /etc/kubewright/firewall.nft")


class OperationTests:
    """Tests of operations, which reach machines by the store."""

    def test_drift_names_a_changed_file_and_repair_restores_it(self, stack: CloudStack) -> None:
        assert "no drift: 5 roles on 3 hosts match their deliveries" in stack.command("drift").text
        machine = min(stack.machines())
        stack.run_on(machine, "echo >>/etc/kubernetes/kubelet.json")
        result = stack.command("drift", check=False)
        assert result.code == 1
        assert "/etc/kubernetes/kubelet.json" in result.text
        stack.command("repair", "--host", machine)
        assert "no drift" in stack.command("drift").text

    def test_logs_show_the_journal_of_a_machine(self, stack: CloudStack) -> None:
        machine = min(stack.machines())
        stack.run_on(machine, "logger --tag=kwtest a line of this test")
        assert "kwtest" in stack.command("logs", "--host", machine, "--since", "10m").text
        units = stack.command("logs", "--host", MEMBER, "--unit", "etcd", "--lines", "3").text
        assert "etcd[" in units
        assert "kwtest" not in units

    def test_snapshot_and_restore(self, stack: CloudStack) -> None:
        stack.kubectl("create", "configmap", "before")
        directory = stack.state / f"{stack.name}-snapshots"
        stack.command("snapshot", "--to", str(directory))
        (snapshot,) = directory.glob("*.db")
        stack.kubectl("create", "configmap", "after")
        stack.command("restore", "--snapshot", str(snapshot))
        names = stack.kubectl("get", "configmaps", "-o", "name").stdout
        assert "configmap/before" in names
        assert "configmap/after" not in names
        stack.wait_until_healthy(2)

    def test_no_request_remains_in_the_store(self, stack: CloudStack) -> None:
        keys = stack.stored_keys()
        assert any(key.startswith("status/") for key in keys)
        last = {key.rpartition("/")[2].rpartition(".")[2].partition("-")[0] for key in keys}
        assert not last & {"request", "input", "response", "output"}

    def test_failed_boot_tells_the_reason(self, stack: CloudStack) -> None:
        """Test a machine that cannot fetch its config: the reason is in `status`, its journal in `logs`."""
        config = max(key for key in stack.stored_keys() if re.fullmatch(r"pools/general/\w{64}/node.sh", key))
        with stack.hidden(config):
            before = set(stack.machines())
            stack.replace_machine(min(before))

            def launched() -> str:
                new = set(stack.machines()) - before
                assert len(new) == 1
                return new.pop()

            failing = eventually("a machine boots", launched, timeout=120, interval=1)

            def reported() -> str:
                text = stack.command("status", check=False).text
                assert "the store does not give what pools/general is" in " ".join(text.split())
                return text

            eventually("status has the reason", reported, timeout=90, interval=1)
            assert "curl: (22)" in stack.command("logs", "--host", failing, "--unit", "kubewright-boot").text
        stack.wait_until_healthy(2)


class LostMachineTests:
    """Test of a machine that has lost its power."""

    def test_lost_machine_is_replaced(self, stack: CloudStack) -> None:
        lost = min(stack.machines())
        stack.lose(lost)

        def replaced() -> bool:
            assert lost not in stack.machines()
            return stack.is_healthy(2)

        stack.wait_for("another machine is a Ready node", replaced)


class ChangeTests:
    """Test of a change of the machines of a pool."""

    def test_changed_setting_of_a_pool_replaces_its_machines(self, stack: CloudStack) -> None:
        before = set(stack.machines())
        stack.config["kubewright:cluster"]["pools"]["general"]["kubelet"] = {"max_pods": 90}
        stack.command("up", timeout=UP_SECONDS)
        stack.wait_until_healthy(2)
        assert not before & set(stack.machines())
        workers = [node for name, node in stack.nodes_by_name().items() if name != MEMBER]
        assert {node["status"]["capacity"]["pods"] for node in workers} == {"90"}
        assert not stack.previewed_operations()


class DownTests:
    """Test of the removal of the stack."""

    def test_down_leaves_nothing(self, stack: CloudStack) -> None:
        assert stack.remaining_resources()
        stack.expect_complete_down()
