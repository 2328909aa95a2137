"""Tests of the catalogue: every artifact has versions, an official site or a build, and a recipe."""

from __future__ import annotations

import re
from dataclasses import fields, replace

import pytest

from artifacts import acquire, catalogue, gobuild, images
from artifacts.components import COMPONENTS
from artifacts.errors import ArtifactError
from topology.cilium import VERSION
from topology.model import Versions

FILES_OF_HOSTS = (
    *("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl"),
    *("etcd", "etcdctl", "etcdutl", "containerd", "containerd-shim-runc-v2", "ctr", "runc"),
    *("cni-bridge", "cni-loopback", "cni-host-local", "cni-portmap", "flanneld", "kube-router", "crictl"),
    *("kubelet-csr-approver", "netfilter", "ipset", "haproxy", "keepalived"),
)
FROM_DEBIAN_PACKAGES = {"netfilter", "ipset", "iproute", "nfs", "haproxy", "keepalived"}
FROM_THIS_PROJECT = {"kubelet-csr-approver", "conformance-shell"}
WITHOUT_DEPENDENCIES = {"conformance-shell"}
ROWS = [
    (name, version)
    for component in COMPONENTS
    for version in catalogue.supported_versions(component.name)
    for name, _ in component.packages
]
BUILT_FROM_GO = [row for row in ROWS if row[0] not in FROM_DEBIAN_PACKAGES]


def test_catalogue_has_every_file_of_hosts() -> None:
    assert sorted(catalogue.NODE_ARTIFACTS) == sorted(FILES_OF_HOSTS)
    assert [item.name for item in catalogue.node_binaries()] == list(catalogue.NODE_ARTIFACTS)
    optional = catalogue.OPTIONAL_ARTIFACTS
    assert [item.name for item in catalogue.node_binaries(optional=optional)] == [
        *catalogue.NODE_ARTIFACTS,
        *optional,
    ]
    assert not {*optional} & {*catalogue.NODE_ARTIFACTS}


def test_every_component_has_a_release_and_every_release_a_component() -> None:
    own_releases = {component.name for component in COMPONENTS if not component.released_with}
    assert {name for name, _ in catalogue.COMPONENT_VERSIONS} == own_releases
    assert {component.released_with or component.name for component in COMPONENTS} == own_releases
    assert len(set(catalogue.COMPONENT_VERSIONS)) == len(catalogue.COMPONENT_VERSIONS)


def test_no_binary_belongs_to_two_components() -> None:
    names = [name for component in COMPONENTS for name, _ in component.packages]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("name", "version"), BUILT_FROM_GO)
def test_every_binary_can_be_built(name: str, version: str) -> None:
    item = catalogue.binary(name, version)
    assert (item.module / "go.mod").is_file()
    assert (item.module / "go.sum").is_file() != (name in WITHOUT_DEPENDENCIES)


@pytest.mark.parametrize(
    ("name", "version"), [row for row in BUILT_FROM_GO if row[0] not in FROM_THIS_PROJECT]
)
def test_go_mod_requires_the_version_of_the_table(name: str, version: str) -> None:
    item = catalogue.binary(name, version)
    required = gobuild.required_modules(item.module / "go.mod")
    # The last SDK that contains the language host; see components.py. Modules of Prometheus 3 have major
    # version 0.
    others = {"pulumi-language-python": "3.68.0", "prometheus": "0.313.5"}
    expected = others.get(item.component.name, version)
    assert required[item.component.go_module] == f"v{expected}"


@pytest.mark.parametrize(("name", "version"), ROWS)
def test_no_template_is_left_unfilled(name: str, version: str) -> None:
    item = catalogue.binary(name, version)
    texts = [item.ldflags]
    if item.official:
        texts += [item.official.url, item.official.checksum, item.official.member]
        assert item.official.url.startswith("https://")
        assert item.official.checksum.startswith("https://")
        assert version in item.official.url
        assert bool(item.official.member) == bool(re.search(r"\.(tgz|tar\.gz)$", item.official.url))
    assert not [text for text in texts if "{" in text or "}" in text]


def test_official_url_of_kubelet() -> None:
    official = catalogue.binary("kubelet", "1.36.3").official
    assert official is not None
    arch = catalogue.architecture()["arch"]
    assert official.url == f"https://dl.k8s.io/v1.36.3/bin/linux/{arch}/kubelet"


def test_defaults_are_supported_versions() -> None:
    for field in fields(Versions):
        assert getattr(catalogue.DEFAULTS, field.name) in catalogue.supported_versions(field.name)


def test_version_follows_the_cluster_or_the_table() -> None:
    versions = replace(catalogue.DEFAULTS, kubernetes="1.35.6", cni_plugins="1.0.0")
    assert catalogue.version_of("kubelet", versions) == "1.35.6"
    assert catalogue.version_of("cni-bridge", versions) == "1.0.0"
    assert catalogue.version_of("crictl", versions) == catalogue.supported_versions("cri-tools")[0]


def test_error_names_unknown_names_and_versions() -> None:
    with pytest.raises(ArtifactError, match="kubelett: the catalogue knows no such binary"):
        catalogue.binary("kubelett")
    with pytest.raises(ArtifactError, match=r"kubelet 1\.2\.3: not in the catalogue, which has 1\.36\.3"):
        catalogue.binary("kubelet", "1.2.3")


def test_images_have_upstream_names_and_recipes() -> None:
    references = catalogue.images()
    assert "registry.k8s.io/pause:3.10.1" in references
    assert f"registry.k8s.io/coredns/coredns:v{catalogue.DEFAULTS.coredns}" in references
    known = (*references, *catalogue.OPTIONAL_IMAGES)
    assert {images.split_reference(reference)[1] for reference in known} == images.RECIPES.keys()
    assert not {*references} & {*catalogue.OPTIONAL_IMAGES}


def test_images_of_an_add_on_have_its_version() -> None:
    traefik = f"docker.io/library/traefik:v{catalogue.version_of('traefik')}"
    assert catalogue.images_of("traefik") == (traefik,)
    add_ons = (
        *("cert-manager", "cilium", "distribution", "external-dns", "external-snapshotter", "keda", "loki"),
        *("local-path-provisioner", "metallb", "otelcol", "prometheus", "alertmanager", "traefik"),
    )
    images_of_add_ons = {image for name in add_ons for image in catalogue.images_of(name)}
    assert images_of_add_ons | {catalogue.KUBECTL_IMAGE} == {*catalogue.OPTIONAL_IMAGES}


def test_tag_of_the_registry_has_no_v() -> None:
    version = catalogue.version_of("registry")
    assert catalogue.images_of("distribution") == (f"docker.io/library/registry:{version}",)
    assert f"registry.k8s.io/kubectl:v{catalogue.DEFAULTS.kubernetes}" == catalogue.KUBECTL_IMAGE


def test_default_version_of_cilium_can_be_built() -> None:
    assert catalogue.images_of("cilium", VERSION) == catalogue.images_of("cilium")


@pytest.mark.parametrize(
    ("tool", "version", "suitable"),
    [
        ("kubectl", (1, 36, 3), True),
        ("kubectl", (1, 36, 9), True),
        ("kubectl", (1, 36, 2), False),
        ("kubectl", (1, 37, 0), False),
        ("helm", (3, 22, 0), True),
        ("helm", (3, 21, 9), False),
        ("helm", (4, 0, 0), False),
        ("pulumi", (3, 300, 0), True),
        ("pulumi", (), False),
    ],
)
def test_suitable_versions_of_tools_on_path(tool: str, version: tuple[int, ...], suitable: bool) -> None:
    assert acquire.is_suitable(catalogue.binary(tool), version) is suitable
