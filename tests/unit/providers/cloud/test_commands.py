"""Tests of machine configurations, user data, and commands that wait for machines or call kubectl."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import pytest
from pulumi import Output

from nodeconfig import bundles
from nodeconfig.trust import publication_script
from providers.cloud.boot import boot_program, render_program
from providers.cloud.digests import content_digest
from providers.cloud.gate import command_line
from providers.cloud.machine_config import MachineConfig, kind_of, member_config, pool_config
from providers.cloud.operate import with_kubectl
from testkit import pki
from testkit.bundles import FakeIndex
from testkit.clouds import cloud
from testkit.wait import eventually
from topology.model import Role

T = TypeVar("T")
BOOT_SCRIPT = Path(__file__).parents[4] / "providers/cloud/boot.sh"


def output_value(output: Output[T]) -> T:
    return asyncio.get_event_loop().run_until_complete(output.future())  # type: ignore[return-value]


def is_secret(output: Output[str]) -> bool:
    return asyncio.get_event_loop().run_until_complete(output.is_secret())


def machine_configs() -> tuple[MachineConfig, MachineConfig]:
    """Return the configurations of a control plane and of the machines of a pool."""
    topology = cloud()
    secrets = {name: Output.secret(text) for name, text in pki.create_secrets(topology).items()}
    machine_bundles = bundles(topology, FakeIndex())
    return (
        member_config(topology.machines[0], machine_bundles, secrets),
        pool_config(topology.pools[1], machine_bundles["general", Role.NODE], secrets),
    )


def test_a_member_has_text_and_payload_objects_for_each_role() -> None:
    member, pool = machine_configs()
    assert [(key, secret) for key, _, secret in member.store_objects] == [
        (f"members/control-plane/cp-1/{role}.{part}", part == "payload")
        for role in ("etcd", "control-plane", "node")
        for part in ("sh", "payload")
    ]
    assert [key for key, _, _ in pool.store_objects] == [
        "pools/general/node.sh",
        "pools/general/node.payload",
    ]
    assert member.status_key(Role.ETCD) == "status/members/control-plane/cp-1/etcd"
    assert (member.leave_key, member.left_key) == (
        "members/control-plane/cp-1/leave",
        "status/members/control-plane/cp-1/left",
    )


def test_texts_contain_no_secret_and_payloads_are_secret() -> None:
    member, pool = machine_configs()
    for machine_config in (member, pool):
        for _, content, secret in machine_config.store_objects:
            assert is_secret(content) is secret
            if not secret:
                assert "PRIVATE KEY" not in output_value(content)


def test_the_digest_covers_all_objects_and_is_no_secret() -> None:
    member, _ = machine_configs()
    contents = [output_value(content) for _, content, _ in member.store_objects]
    assert output_value(member.digest) == content_digest(contents)
    lines = "".join(f"{sha256(content.encode()).hexdigest()}  -\n" for content in contents)
    assert content_digest(contents) == sha256(lines.encode()).hexdigest()
    assert content_digest(contents[1:]) != content_digest(contents)
    assert not is_secret(member.digest)


def digest_of_pool(secrets: dict[str, str], **edits: object) -> str:
    """Return the digest of the machines of a pool whose payload contains the password of a registry."""
    credentials = {"endpoint": "https://images.example.com", "username": "u", "password": "p"}
    topology = cloud(**{"registries": {"_default": credentials}, **edits})
    name = next(registry.credentials for registry in topology.registries)
    values = {**secrets, name: "password"}
    outputs = {key: Output.secret(text) for key, text in values.items()}
    bundle = bundles(topology, FakeIndex())["general", Role.NODE]
    assert name in {file.secret for file in bundle.secrets}
    return output_value(pool_config(topology.pools[1], bundle, outputs).digest)


@pytest.mark.parametrize("replaces_kube_proxy", [True, False])
def test_digest_does_not_show_the_password_of_a_registry(replaces_kube_proxy: bool) -> None:
    """The digest is in user data. Who knows all but the keys of a cluster cannot try passwords with it."""
    cilium = {"kube_proxy_replacement": replaces_kube_proxy}
    edits: dict[str, object] = {"network.cni": "cilium", "network.cilium": cilium}
    first, others = (pki.create_secrets(cloud()) for _ in range(2))
    unknown = {name: text for name, text in others.items() if name.endswith((".key", ".token", ".salt"))}
    second = first | unknown
    assert digest_of_pool(first, **edits) == digest_of_pool(first, **edits)
    assert digest_of_pool(first, **edits) != digest_of_pool(second, **edits)


def test_only_members_have_a_fixed_identity() -> None:
    member, pool = machine_configs()
    assert "\nidentity cp-1 10.20.32.10 $BOOT_ID\n" in member.deliveries[0].text
    assert "\nidentity $BOOT_NAME $BOOT_ADDRESS $BOOT_ID\n" in pool.deliveries[0].text


def test_separate_etcd_members_have_their_own_prefix() -> None:
    edits = {"etcd.hosts": ["e-1", "e-2", "e-3"], "etcd.machine": {"type": "small"}}
    topology = cloud(**edits)
    assert [kind_of(machine) for machine in topology.machines] == ["members/control-plane"] * 3 + [
        "members/etcd"
    ] * 3


def test_user_data_is_text_without_a_secret() -> None:
    member, _ = machine_configs()
    data = boot_program(
        member, [BOOT_SCRIPT], {"STORE": "https://store.example/it's"}, name="cp-1", volume="vol-1"
    )
    text = output_value(data)
    assert not is_secret(data)
    assert text.startswith("#!/bin/sh\n# Kubewright's boot program of members/control-plane/cp-1\nset -eu\n")
    assert "ROLES='etcd control-plane node'\n" in text
    assert "STORE='https://store.example/it'\"'\"'s'\n" in text
    assert f"DIGEST={output_value(member.digest)}\n" in text
    assert "PRIVATE KEY" not in text
    # The smallest limit of the clouds is 16 KiB. Here the shared part is also the stand-in for a cloud's
    # part.
    assert len(text.encode()) < 19 * 1024


def test_invalid_names_of_variables_are_rejected() -> None:
    with pytest.raises(ValueError, match="rm -rf"):
        render_program([BOOT_SCRIPT], {"KIND": "pools", "UNIT": "a", "rm -rf": ""})


def test_arguments_are_quoted() -> None:
    assert command_line("providers.aws.wait", "gate", "a b", "$(reboot)") == (
        "exec python3 -m providers.aws.wait gate 'a b' '$(reboot)'"
    )


class TestOperate:
    def run(self, directory: Path, script: str, kubectl: str | None) -> subprocess.CompletedProcess[str]:
        (directory / "tmp").mkdir(exist_ok=True)
        if kubectl is not None:
            (directory / "kubectl").write_text(f"#!/bin/sh\n{kubectl}\n")
            (directory / "kubectl").chmod(0o755)
        tools = directory / "tools"
        tools.mkdir(exist_ok=True)
        for tool in ("cat", "comm", "date", "mktemp", "rm", "sleep", "sort", "tr", "cp"):
            (tools / tool).symlink_to(str(shutil.which(tool)))
        path = f"{directory}:{tools}"
        return subprocess.run(
            ["/bin/sh", "-c", with_kubectl(script)],
            input="the kubeconfig",
            capture_output=True,
            text=True,
            env={"PATH": path, "TMPDIR": str(directory / "tmp")},
            timeout=30,
        )

    def test_only_kubectl_gets_the_kubeconfig(self, tmp_path: Path) -> None:
        kubectl = 'for word; do case $word in --kubeconfig=*) cat "${word#*=}" ;; esac; done; echo " $*"'
        result = self.run(tmp_path, "trap 'echo its own trap' EXIT\nkubectl get nodes\n", kubectl)
        assert result.returncode == 0, result.stderr
        assert result.stdout.startswith("the kubeconfig")
        assert result.stdout.endswith("get nodes\nits own trap\n")
        assert list((tmp_path / "tmp").iterdir()) == []

    def test_kubectl_can_read_the_kubeconfig_again_and_its_own_input(self, tmp_path: Path) -> None:
        kubectl = 'cat "${1#*=}" "${1#*=}"; read -r line; echo " $line"'
        script = "echo first | kubectl apply -f -\necho second | kubectl apply -f -\n"
        result = self.run(tmp_path, script, kubectl)
        assert result.returncode == 0, result.stderr
        assert result.stdout == "the kubeconfigthe kubeconfig first\nthe kubeconfigthe kubeconfig second\n"

    @pytest.mark.parametrize(
        "waiting", ["kubectl get nodes\n", "trap 'kubectl get pods' EXIT\nkubectl get nodes\n"]
    )
    def test_a_killed_command_leaves_no_kubeconfig_in_a_file(self, tmp_path: Path, waiting: str) -> None:
        """Test a canceled `up`: the official plugin ends the shell by SIGKILL, so that no trap runs."""
        (tmp_path / "kubectl").write_text(f'#!/bin/sh\n: >"{tmp_path}/started"\nexec sleep 60\n')
        (tmp_path / "kubectl").chmod(0o755)
        (tmp_path / "tmp").mkdir()
        with subprocess.Popen(
            ["/bin/sh", "-c", with_kubectl(waiting)],
            stdin=subprocess.PIPE,
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "TMPDIR": str(tmp_path / "tmp")},
            start_new_session=True,
        ) as process:
            assert process.stdin is not None
            process.stdin.write(b"the kubeconfig")
            process.stdin.close()
            eventually("kubectl runs", (tmp_path / "started").exists, timeout=20)
            files = [path for path in (tmp_path / "tmp").rglob("*") if path.is_file()]
            os.killpg(process.pid, signal.SIGKILL)
        assert files == []
        assert not [path for path in (tmp_path / "tmp").rglob("*") if path.is_file()]

    def test_a_failed_script_fails_the_command(self, tmp_path: Path) -> None:
        result = self.run(tmp_path, "set -eu\nkubectl get nodes\necho on\n", "echo refused >&2; exit 3")
        assert (result.returncode, result.stdout, result.stderr) == (3, "", "refused\n")
        assert list((tmp_path / "tmp").iterdir()) == []

    def test_error_names_a_missing_kubectl(self, tmp_path: Path) -> None:
        result = self.run(tmp_path, "kubectl get nodes\n", None)
        assert result.returncode == 1
        assert "kubectl is not on PATH" in result.stderr

    def test_scripts_of_the_cluster_run(self, tmp_path: Path) -> None:
        """The script sets traps and creates directories. They must not conflict with `with_kubectl`."""
        from tests.unit.nodeconfig.test_trust import KUBECTL, PublishedCas, rotated_topology

        published_cas = PublishedCas(tmp_path)
        pems = {
            "kubernetes-ca": published_cas.kubernetes_cas,
            "front-proxy-ca": published_cas.front_proxy_cas,
        }
        script = publication_script(rotated_topology("kubernetes", "front-proxy"), pems)
        result = self.run(tmp_path, f"FAKE={tmp_path}\nexport FAKE\n{script}", KUBECTL.partition("\n")[2])
        assert result.returncode == 0, result.stderr
        assert list((tmp_path / "tmp").iterdir()) == []
