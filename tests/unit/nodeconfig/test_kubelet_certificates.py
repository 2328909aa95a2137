"""Tests of the certificates of kubelets: their authority, and how hosts replace them in a rotation."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

from nodeconfig import bundles
from testkit.bundles import FakeIndex, cluster
from tests.unit.nodeconfig.test_bundles import unit_flags
from topology.model import Role, Topology
from topology.rotations import Certificates, Rotation


def test_serving_certificates_of_kubelets_have_their_own_authority(index: FakeIndex) -> None:
    manager = unit_flags(bundles(cluster(), index)["cp-1", Role.CONTROL_PLANE], "kube-controller-manager")
    signers = {
        flag.removeprefix("cluster-signing-").removesuffix("-cert-file"): Path(value).stem
        for flag, value in manager.items()
        if flag.startswith("cluster-signing-") and flag.endswith("cert-file")
    }
    assert signers == {
        "kube-apiserver-client": "kubernetes-ca-signer",
        "kubelet-client": "kubernetes-ca-signer",
        "kubelet-serving": "kubelet-serving-ca-signer",
    }
    for flag, value in manager.items():
        if flag.startswith("cluster-signing-") and flag.endswith("key-file"):
            certificate = manager[flag.replace("-key-", "-cert-")]
            assert Path(value).stem == Path(certificate).stem


def test_only_control_planes_trust_the_authority_of_kubelets(index: FakeIndex) -> None:
    for (_, role), bundle in bundles(cluster(etcd=3), index).items():
        trusting = [item.path for item in bundle.secrets if item.secret == "kubelet-serving-ca-bundle.crt"]
        expected = ["/etc/kubernetes/pki/kubelet-serving-ca.crt"] if role is Role.CONTROL_PLANE else []
        assert trusting == expected


def rotated(stage: Rotation, name: str = "kubernetes") -> Topology:
    return replace(cluster(), certificates=Certificates(rotations=((name, stage),)))


def prepare_script(topology: Topology, index: FakeIndex) -> str:
    files = {file.path: file.content for file in bundles(topology, index)["w-1", Role.NODE].files}
    return files["/usr/local/lib/kubewright/kubelet-prepare"]


def run_prepare(script: str, directory: Path) -> None:
    """Run the lines of the preparation script about certificates with paths below a directory."""
    lines = script[script.index("\nrm -f /var/lib/kubelet/kubeconfig") :].replace(
        "/var/lib/kubelet", f"{directory}/k"
    )
    text = "set -eu\n" + lines.replace("/run/kubewright-", f"{directory}/")
    subprocess.run(["sh", "-c", text], check=True)


def test_a_kubelet_renews_with_its_previous_certificate_and_not_with_its_token(
    index: FakeIndex, tmp_path: Path
) -> None:
    pki = tmp_path / "k/pki"
    pki.mkdir(parents=True)
    current, serving = pki / "kubelet-client-current.pem", pki / "kubelet-server-current.pem"
    script = prepare_script(rotated(Rotation(2, (1, 2))), index)
    run_prepare(script, tmp_path)
    assert (tmp_path / "bootstrap.conf").readlink() == Path("/etc/kubernetes/bootstrap-kubelet.conf")
    (pki / "signer").unlink()
    (pki / "first.pem").write_text("first")
    current.symlink_to(pki / "first.pem")
    serving.write_text("serving")
    for _ in range(2):  # an interrupted start continues with the previous certificate
        run_prepare(script, tmp_path)
        assert not current.exists()
        assert not serving.exists()
        assert (pki / "kubelet-client-previous.pem").read_text() == "first"
        assert (tmp_path / "bootstrap.conf").readlink() == Path("/etc/kubernetes/renew-kubelet.conf")
    current.unlink(missing_ok=True)
    current.write_text("second")
    run_prepare(script, tmp_path)
    assert current.read_text() == "second"
    assert not (pki / "kubelet-client-previous.pem").exists()
    assert (tmp_path / "bootstrap.conf").readlink() == Path("/etc/kubernetes/bootstrap-kubelet.conf")


def test_only_an_entry_replaces_serving_certificates(index: FakeIndex, tmp_path: Path) -> None:
    assert "serving_signer" not in prepare_script(cluster(), index)
    serving = tmp_path / "k/pki/kubelet-server-current.pem"
    serving.parent.mkdir(parents=True)
    for stage, kept in ((Rotation(0, (0, 1)), True), (Rotation(1, (0, 1)), False), (Rotation(1, (1,)), True)):
        serving.write_text("serving")
        run_prepare(prepare_script(rotated(stage, "kubelet-serving"), index), tmp_path)
        assert serving.exists() == kept, stage


def test_flannel_authenticates_as_its_node(index: FakeIndex) -> None:
    all_bundles = bundles(cluster(), index)
    for host in ("cp-1", "w-1"):
        files = {file.path: file.content for file in all_bundles[host, Role.NODE].files}
        (user,) = json.loads(files["/etc/kubernetes/flannel.conf"])["users"]
        certificate = "/var/lib/kubelet/pki/kubelet-client-current.pem"
        assert user["user"] == {"client-certificate": certificate, "client-key": certificate}
