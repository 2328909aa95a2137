"""Tests of the script that waits for published CAs, with a fake kubectl."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from nodeconfig.trust import needs_publication, publication_script
from testkit import pki
from testkit.bundles import cluster
from topology.model import Topology
from topology.rotations import Certificates, Rotation

# The fake answers from files. It creates deleted objects again, as the API server does.
KUBECTL = """#!/bin/sh
echo "$*" >>"$FAKE/log"
case "$*" in
*kube-root-ca.crt*)
    [ ! -e "$FAKE/late" ] || { rm "$FAKE/late"; cat "$FAKE/before"; exit 0; }
    cat "$FAKE/pods" ;;
*"delete configmap extension-apiserver-authentication"*)
    cp "$FAKE/wanted.client" "$FAKE/client"; cp "$FAKE/wanted.front" "$FAKE/front" ;;
*"get lease kube-controller-manager"*)
    [ -e "$FAKE/leaderless" ] || date +%s.%N ;;
*.data.client-ca-file*) cat "$FAKE/client" ;;
*.data.requestheader-client-ca-file*) cat "$FAKE/front" ;;
esac
"""
SIGN = Rotation(2, (1, 2))


def rotated_topology(*names: str) -> Topology:
    return replace(cluster(), certificates=Certificates(rotations=tuple((name, SIGN) for name in names)))


class PublishedCas:
    """Responses of a fake `kubectl` about published CAs. The responses are files in `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        secrets = pki.create_secrets(rotated_topology("kubernetes", "front-proxy"))
        self.removed_ca = secrets["etcd-ca.crt"]
        self.kubernetes_cas = secrets["kubernetes-ca-bundle.crt"]
        self.front_proxy_cas = secrets["front-proxy-ca-bundle.crt"]
        (directory / "kubectl").write_text(KUBECTL)
        (directory / "kubectl").chmod(0o755)
        self.write(**{"wanted.client": self.kubernetes_cas, "wanted.front": self.front_proxy_cas})
        self.write(
            client=self.kubernetes_cas,
            front=self.front_proxy_cas,
            pods=self.namespace_cas(self.kubernetes_cas, self.kubernetes_cas),
        )

    def write(self, **texts: str) -> None:
        for name, text in texts.items():
            (self.directory / name).write_text(text)

    def namespace_cas(self, *authorities: str) -> str:
        return "".join(f"{text}\n= namespace-{number}\n" for number, text in enumerate(authorities))

    def run(self, seconds: int = 120) -> subprocess.CompletedProcess[str]:
        pems = {"kubernetes-ca": self.kubernetes_cas, "front-proxy-ca": self.front_proxy_cas}
        script = publication_script(rotated_topology("kubernetes", "front-proxy"), pems)
        script = script.replace(f"+ {120}", f"+ {seconds}")
        return subprocess.run(
            ["sh", "-c", script],
            env={"PATH": f"{self.directory}:/usr/bin:/bin", "FAKE": str(self.directory)},
            capture_output=True,
            text=True,
            timeout=30,
        )

    @property
    def deleted_configmap(self) -> bool:
        return "delete configmap" in (self.directory / "log").read_text()


@pytest.fixture
def fake(tmp_path: Path) -> PublishedCas:
    return PublishedCas(tmp_path)


def test_the_script_ends_when_all_namespaces_have_the_authorities(fake: PublishedCas) -> None:
    result = fake.run()
    assert result.returncode == 0, result.stderr
    assert not fake.deleted_configmap


def test_the_script_waits_for_a_namespace_that_is_behind(fake: PublishedCas) -> None:
    fake.write(late="", before=fake.namespace_cas(fake.kubernetes_cas, fake.removed_ca))
    assert fake.run().returncode == 0
    assert not (fake.directory / "late").exists()


def test_a_namespace_that_stays_behind_is_named_in_the_error(fake: PublishedCas) -> None:
    fake.write(pods=fake.namespace_cas(fake.kubernetes_cas, fake.removed_ca, fake.kubernetes_cas))
    result = fake.run(seconds=1)
    assert result.returncode == 1
    assert "namespaces namespace-1 \n" in result.stderr
    assert "kube-controller-manager" in result.stderr


@pytest.mark.parametrize("key", ["client", "front"])
def test_removed_authorities_are_removed_for_extension_api_servers(fake: PublishedCas, key: str) -> None:
    fake.write(**{key: fake.removed_ca + (fake.kubernetes_cas if key == "client" else fake.front_proxy_cas)})
    assert fake.run().returncode == 0
    assert fake.deleted_configmap
    assert fake.removed_ca not in (fake.directory / key).read_text()


def test_the_script_waits_for_missing_authorities_without_deleting(fake: PublishedCas) -> None:
    first_certificate = fake.front_proxy_cas[: fake.front_proxy_cas.index("-----END CERTIFICATE-----") + 26]
    fake.write(front=first_certificate)
    assert fake.run(seconds=1).returncode == 1
    assert not fake.deleted_configmap


def test_the_script_fails_without_a_leading_controller_manager(fake: PublishedCas) -> None:
    fake.write(leaderless="")
    assert fake.run(seconds=1).returncode == 1
    (fake.directory / "leaderless").unlink()
    assert fake.run().returncode == 0


def test_the_script_begins_with_the_stage() -> None:
    assert not needs_publication(cluster())
    assert not needs_publication(rotated_topology("etcd"))
    assert needs_publication(rotated_topology("kubernetes"))
    text = publication_script(
        rotated_topology("kubernetes"), dict.fromkeys(("kubernetes-ca", "front-proxy-ca"), "PEM")
    )
    assert text.startswith("# kubernetes: 2 signs, 1 2 trusted\nset -eu\n")
