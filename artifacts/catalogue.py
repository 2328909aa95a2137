"""All binaries and images of Kubewright, with their versions, official sites and build modules.

To add a version of a component, add a row to `COMPONENT_VERSIONS` and a directory
`modules/<component>-<version>` with its go.mod and go.sum. `artifacts.components` holds the facts that are
the same for all versions of a component.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path

from artifacts.add_ons import CERT_MANAGER_PROGRAMS, KEDA_IMAGES
from artifacts.component import Component, OfficialSite
from artifacts.components import CNI_PLUGINS, COMPONENTS, KUBERNETES
from artifacts.errors import ArtifactError
from topology.images import HELPER_IMAGE
from topology.model import Versions

MODULES = Path(__file__).parent / "modules"
DEBIAN_PACKAGES = ("busybox-static", "ca-certificates", "gcc", "libc6-dev", "libseccomp-dev", "pkg-config")
"""Debian packages that builds need (gcc and libraries: runc, flanneld, pause)."""

COMPONENT_VERSIONS: tuple[tuple[str, str], ...] = (
    # Each row is a component and its version. The first row of a component is the default.
    ("kubernetes", "1.36.3"),
    ("kubernetes", "1.36.1"),
    ("kubernetes", "1.35.6"),
    ("etcd", "3.7.3"),
    ("etcd", "3.6.16"),
    ("containerd", "2.4.2"),
    ("containerd", "2.3.7"),
    ("runc", "1.5.2"),
    ("cni-plugins", "1.9.1"),
    ("flannel", "0.28.4"),
    ("kube-router", "2.6.3-k3s1"),
    ("coredns", "1.15.0"),
    ("coredns", "1.14.7"),
    ("metrics-server", "0.9.0"),
    ("metallb", "0.16.2"),
    ("cilium", "1.20.2"),
    ("cert-manager", "1.21.2"),
    ("external-dns", "0.22.0"),
    ("keda", "2.21.0"),
    ("local-path-provisioner", "0.0.30"),
    ("external-snapshotter", "8.7.0"),
    ("prometheus", "3.13.5"),
    ("alertmanager", "0.31.1"),
    ("node-exporter", "1.12.1"),
    ("cfssl", "1.6.5"),
    ("distribution", "3.1.2"),
    ("cri-tools", "1.36.0"),
    ("kubelet-csr-approver", "1.4.0"),
    ("traefik", "3.7.13"),
    ("otelcol", "0.160.0"),
    ("loki", "3.7.8"),
    ("ecr-credential-provider", "1.36.1"),
    ("age", "1.3.2"),
    ("rclone", "1.76.0"),
    ("conformance-shell", "1.0.0"),
    ("netfilter", "1"),
    ("ipset", "1"),
    ("iproute", "1"),
    ("nfs", "1"),
    ("haproxy", "1"),
    ("keepalived", "1"),
    ("pulumi", "3.259.0"),
    ("pulumi-language-python", "3.259.0"),
    ("helm", "3.22.0"),
    ("crane", "0.22.1"),
)

TOOLS = ("pulumi", "pulumi-language-python", "pulumi-language-python-exec", "kubectl", "helm", "crane")
"""Programs that the deployer needs."""

NODE_ARTIFACTS = (
    *KUBERNETES,
    *("etcd", "etcdctl", "etcdutl", "containerd", "containerd-shim-runc-v2", "ctr", "runc"),
    *("cni-bridge", "cni-loopback", "cni-host-local", "cni-portmap"),
    *("flanneld", "kube-router", "crictl", "kubelet-csr-approver"),
    *("netfilter", "ipset", "haproxy", "keepalived"),
)
"""Files that hosts of every cluster fetch and that a mirror holds."""

OPTIONAL_ARTIFACTS = (
    *("ecr-credential-provider", "coredns", "iproute", "nfs", "age", "rclone"),
    *("node_exporter", "cfssl-certinfo"),
    *(name for name in CNI_PLUGINS if name not in NODE_ARTIFACTS),
)
"""Files that hosts of some clusters fetch. A mirror for other clusters need not hold them."""


@dataclass(frozen=True, slots=True)
class Image:
    """A container image. `reference` is the upstream name, in which `{v}` is the version of `component`."""

    reference: str
    component: str = ""


IMAGES: tuple[Image, ...] = (
    Image("registry.k8s.io/pause:3.10.1"),
    Image("registry.k8s.io/coredns/coredns:v{v}", "coredns"),
    Image("registry.k8s.io/metrics-server/metrics-server:v{v}", "metrics-server"),
    Image(HELPER_IMAGE),
)

_ADD_ON_IMAGES = {
    "cilium": ("quay.io/cilium/cilium", "quay.io/cilium/operator-generic"),
    "cert-manager": tuple(f"quay.io/jetstack/cert-manager-{name}" for name in CERT_MANAGER_PROGRAMS),
    "distribution": ("docker.io/library/registry",),
    "external-dns": ("registry.k8s.io/external-dns/external-dns",),
    "keda": tuple(KEDA_IMAGES.values()),
    "local-path-provisioner": ("docker.io/rancher/local-path-provisioner",),
    "external-snapshotter": ("registry.k8s.io/sig-storage/snapshot-controller",),
    "loki": ("docker.io/grafana/loki",),
    "metallb": ("quay.io/metallb/controller", "quay.io/metallb/speaker"),
    "otelcol": ("docker.io/otel/opentelemetry-collector-contrib",),
    "prometheus": ("quay.io/prometheus/prometheus",),
    "alertmanager": ("quay.io/prometheus/alertmanager",),
    "traefik": ("docker.io/library/traefik",),
}
_TAGS_WITHOUT_V = frozenset({"distribution", "keda", "loki", "otelcol"})
"""Add-ons whose tags are versions without a leading `v`."""


def images_of(add_on: str, version: str = "") -> tuple[str, ...]:
    """Return the references of the images of an add-on that not every cluster has.

    They have `version`, or by default each version of the catalogue. Only these can be built; other versions
    come from their registry.
    """
    known = (item for component, item in COMPONENT_VERSIONS if component == add_on)
    versions = (version,) if version else known
    prefix = "" if add_on in _TAGS_WITHOUT_V else "v"
    return tuple(f"{name}:{prefix}{item}" for item in versions for name in _ADD_ON_IMAGES[add_on])


_KUBERNETES = next(version for name, version in COMPONENT_VERSIONS if name == "kubernetes")
KUBECTL_IMAGE = f"registry.k8s.io/kubectl:v{_KUBERNETES}"
"""The image of pods that change objects of the API, in every cluster: kubectl serves the minor version before
its own too.
"""
OPTIONAL_IMAGES = (
    *(reference for add_on in _ADD_ON_IMAGES for reference in images_of(add_on)),
    KUBECTL_IMAGE,
)
"""References of images that only some clusters use. A mirror for other clusters need not hold them."""

_ARCHITECTURES = {
    "x86_64": {"arch": "amd64", "pulumi": "x64", "crane": "x86_64"},
    "aarch64": {"arch": "arm64", "pulumi": "arm64", "crane": "arm64"},
}


def _release_of(component: str) -> str:
    """Return the name of the component whose rows in `COMPONENT_VERSIONS` apply to a component."""
    shared = {item.name: item.released_with for item in COMPONENTS if item.released_with}
    return shared.get(component, component)


def _default_version(component: str) -> str:
    """Return the version in the first row of a component in `COMPONENT_VERSIONS`."""
    return next(version for name, version in COMPONENT_VERSIONS if name == _release_of(component))


DEFAULTS = Versions(
    **{field.name: _default_version(field.name.replace("_", "-")) for field in fields(Versions)}
)
"""The default versions of a stack."""


@dataclass(frozen=True, slots=True)
class Binary:
    """A binary in one version: a row of the catalogue. The templates of the component are filled in."""

    name: str
    version: str
    component: Component
    package: str
    module: Path
    """Directory of the go.mod that builds the file."""
    ldflags: str
    official: OfficialSite | None

    @property
    def key(self) -> str:
        """Return `name/version`, the key in an index."""
        return f"{self.name}/{self.version}"


def supported_versions(component: str) -> tuple[str, ...]:
    """Return the versions of a component (`kubernetes`, `etcd`, `cni-plugins` or `cni_plugins`), the
    default first.
    """
    component_name = _release_of(component.replace("_", "-"))
    return tuple(version for name, version in COMPONENT_VERSIONS if name == component_name)


def component_of(name: str) -> Component:
    """Return the component of a binary. Raise ArtifactError for an unknown name."""
    for component in COMPONENTS:
        if any(name == binary for binary, _ in component.packages):
            return component
    raise ArtifactError(f"{name}: the catalogue knows no such binary")


def component_named(name: str) -> Component:
    """Return the component with this name."""
    return next(component for component in COMPONENTS if component.name == name)


def version_of(name: str, versions: Versions = DEFAULTS) -> str:
    """Return the version of a binary in a cluster with these component versions.

    A binary whose component has no field in `Versions` always has the default version.
    """
    component = _release_of(component_of(name).name)
    version: str | None = getattr(versions, component.replace("-", "_"), None)
    return version or _default_version(component)


def binary(name: str, version: str = "") -> Binary:
    """Return the catalogue row of a binary, by default at its default version.

    Raise ArtifactError for a binary or version that is not in the catalogue.
    """
    component = component_of(name)
    version = version or _default_version(component.name)
    if version not in supported_versions(component.name):
        known = ", ".join(supported_versions(component.name))
        raise ArtifactError(f"{name} {version}: not in the catalogue, which has {known}")
    major, minor, *_ = [*version.split("."), ""]
    template_values = {
        "v": version,
        "name": name,
        "plugin": name.removeprefix("cni-"),
        "major": major,
        "minor": minor,
    }
    template_values |= architecture()
    official = component.official
    if official is not None:
        official = replace(
            official,
            url=official.url.format(**template_values),
            checksum=official.checksum.format(**template_values),
            member=official.member.format(**template_values),
        )
    return Binary(
        name=name,
        version=version,
        component=component,
        package=dict(component.packages)[name],
        module=MODULES / f"{_release_of(component.name)}-{version}",
        ldflags=f"-s -w {component.ldflags.format(**template_values)}".strip(),
        official=official,
    )


def architecture() -> dict[str, str]:
    """Return the names of this machine's processor architecture, as Go, Pulumi and crane spell it.

    The keys are the placeholders in the templates of `artifacts.component`: `arch`, `pulumi` and `crane`.
    Raise ArtifactError for an unsupported architecture.
    """
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        raise ArtifactError(f"processor architecture {machine}: supported are {', '.join(_ARCHITECTURES)}")
    return _ARCHITECTURES[machine]


def indexed_version(version: str, architecture: str, own: str) -> str:
    """Return the version of a file in an index, whose files are for the architecture `own` by default.

    Files for other architectures have a suffix, such as `1.36.3-arm64`. The empty architecture is `own`.
    """
    return version if architecture in ("", own) else f"{version}-{architecture}"


def node_binaries(versions: Versions = DEFAULTS, optional: Iterable[str] = ()) -> tuple[Binary, ...]:
    """Return all files that hosts of a cluster with these versions fetch.

    `optional` are the names of the optional artifacts that the cluster uses.
    """
    return tuple(binary(name, version_of(name, versions)) for name in (*NODE_ARTIFACTS, *optional))


def images(versions: Versions = DEFAULTS) -> tuple[str, ...]:
    """Return the references of all images that a cluster with these versions uses."""
    references = []
    for image in IMAGES:
        version = getattr(versions, image.component.replace("-", "_")) if image.component else ""
        references.append(image.reference.format(v=version))
    return tuple(references)
