"""Every binary and image Kubewright uses: its version, its official place, and the module that builds it.

The tables are meant to be read from top to bottom. A further version of a component is one more
row in `RELEASES` and a directory `modules/<component>-<version>` with its go.mod and go.sum.

In templates `{v}` is the version without a leading `v`, `{name}` the binary's name, `{arch}` Go's
name of the architecture and `{uname}` the kernel's.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass, fields, replace
from pathlib import Path

from artifacts.errors import ArtifactError
from topology.model import Versions

MODULES = Path(__file__).parent / "modules"
DEBIAN_PACKAGES = ("busybox-static", "ca-certificates", "gcc", "libc6-dev", "libseccomp-dev", "pkg-config")
"""What building needs of a Debian-like machine (gcc and the libraries: runc, flanneld, pause)."""


@dataclass(frozen=True, slots=True)
class Official:
    """Upstream's own place of a file.

    `url`: template of the file or archive. `checksum`: template of the file in which upstream
    publishes its sha256. `member`: template of the path inside the archive, empty for a bare file.
    """

    url: str
    checksum: str
    member: str = ""


@dataclass(frozen=True, slots=True)
class Component:
    """What is released together: one Go module, one official place, several binaries.

    `requires`: the Go module whose version in go.mod is the release's. `packages`: binary name to
    Go package. `tool`: used on the deployer's machine, and may be found on PATH there.
    """

    name: str
    requires: str
    packages: tuple[tuple[str, str], ...]
    official: Official | None = None
    ldflags: str = ""
    tags: str = ""
    cgo: bool = False
    tool: bool = False


_GITHUB = "https://github.com/{repo}/releases/download/v{{v}}/{file}"


def _github(repo: str, file: str, checksum: str, member: str = "") -> Official:
    return Official(
        _GITHUB.format(repo=repo, file=file), _GITHUB.format(repo=repo, file=checksum), member=member
    )


_KUBE_VERSION = "k8s.io/component-base/version"
_KUBE_LDFLAGS = (
    f"-X {_KUBE_VERSION}.gitVersion=v{{v}} -X {_KUBE_VERSION}.gitMajor={{major}} "
    f"-X {_KUBE_VERSION}.gitMinor={{minor}} -X {_KUBE_VERSION}.gitTreeState=clean "
    f"-X {_KUBE_VERSION}.gitCommit=v{{v}}"
)
_KUBE_NAMES = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kubectl",
)
_CONTAINERD = "github.com/containerd/containerd/v2"
_CNI = "github.com/containernetworking/plugins"
_PULUMI_LDFLAGS = "-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{v}"
_PULUMI = _github(
    "pulumi/pulumi", "pulumi-v{v}-linux-{pulumi}.tar.gz", "pulumi-{v}-checksums.txt", "pulumi/{name}"
)

COMPONENTS: tuple[Component, ...] = (
    Component(
        "kubernetes",
        requires="k8s.io/kubernetes",
        packages=tuple((name, f"k8s.io/kubernetes/cmd/{name}") for name in _KUBE_NAMES),
        official=Official(
            "https://dl.k8s.io/v{v}/bin/linux/{arch}/{name}",
            "https://dl.k8s.io/v{v}/bin/linux/{arch}/{name}.sha256",
        ),
        ldflags=_KUBE_LDFLAGS,
    ),
    Component(
        "etcd",
        requires="go.etcd.io/etcd/server/v3",
        packages=(
            ("etcd", "go.etcd.io/etcd/server/v3"),
            ("etcdctl", "go.etcd.io/etcd/etcdctl/v3"),
            ("etcdutl", "go.etcd.io/etcd/etcdutl/v3"),
        ),
        official=_github(
            "etcd-io/etcd", "etcd-v{v}-linux-{arch}.tar.gz", "SHA256SUMS", "etcd-v{v}-linux-{arch}/{name}"
        ),
    ),
    Component(
        "containerd",
        requires=_CONTAINERD,
        packages=tuple(
            (name, f"{_CONTAINERD}/cmd/{name}") for name in ("containerd", "containerd-shim-runc-v2", "ctr")
        ),
        official=_github(
            "containerd/containerd",
            "containerd-static-{v}-linux-{arch}.tar.gz",
            "containerd-static-{v}-linux-{arch}.tar.gz.sha256sum",
            "bin/{name}",
        ),
        ldflags=f"-X {_CONTAINERD}/version.Version=v{{v}}",
    ),
    Component(
        "runc",
        requires="github.com/opencontainers/runc",
        packages=(("runc", "github.com/opencontainers/runc"),),
        official=_github("opencontainers/runc", "runc.{arch}", "runc.sha256sum"),
        ldflags="-X main.version={v} -extldflags -static",
        tags="seccomp netgo osusergo",
        cgo=True,
    ),
    Component(
        "cni-plugins",
        requires=_CNI,
        packages=(
            ("cni-bridge", f"{_CNI}/plugins/main/bridge"),
            ("cni-loopback", f"{_CNI}/plugins/main/loopback"),
            ("cni-host-local", f"{_CNI}/plugins/ipam/host-local"),
            ("cni-portmap", f"{_CNI}/plugins/meta/portmap"),
        ),
        official=_github(
            "containernetworking/plugins",
            "cni-plugins-linux-{arch}-v{v}.tgz",
            "cni-plugins-linux-{arch}-v{v}.tgz.sha256",
            "./{plugin}",
        ),
    ),
    Component(  # upstream publishes flanneld without a checksum, so it is always built
        "flannel",
        requires="github.com/flannel-io/flannel",
        packages=(("flanneld", "github.com/flannel-io/flannel"),),
        ldflags="-X github.com/flannel-io/flannel/pkg/version.Version=v{v} -extldflags -static",
        tags="netgo osusergo",
        cgo=True,
    ),
    Component(
        "coredns",
        requires="github.com/coredns/coredns",
        packages=(("coredns", "github.com/coredns/coredns"),),
        official=_github(
            "coredns/coredns", "coredns_{v}_linux_{arch}.tgz", "coredns_{v}_linux_{arch}.tgz.sha256", "{name}"
        ),
    ),
    Component(  # released as an image only
        "metrics-server",
        requires="sigs.k8s.io/metrics-server",
        packages=(("metrics-server", "sigs.k8s.io/metrics-server/cmd/metrics-server"),),
        ldflags="-X k8s.io/client-go/pkg/version.gitVersion=v{v}",
    ),
    Component(
        "cri-tools",
        requires="sigs.k8s.io/cri-tools",
        packages=(("crictl", "sigs.k8s.io/cri-tools/cmd/crictl"),),
        official=_github(
            "kubernetes-sigs/cri-tools",
            "crictl-v{v}-linux-{arch}.tar.gz",
            "crictl-v{v}-linux-{arch}.tar.gz.sha256",
            "{name}",
        ),
        ldflags="-X sigs.k8s.io/cri-tools/pkg/version.Version={v}",
    ),
    Component(  # our own program: its source lies in its module's directory
        "kubelet-csr-approver",
        requires="",
        packages=(("kubelet-csr-approver", "."),),
    ),
    Component(
        "pulumi",
        requires="github.com/pulumi/pulumi/pkg/v3",
        packages=(("pulumi", "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"),),
        official=_PULUMI,
        ldflags=_PULUMI_LDFLAGS,
        tool=True,
    ),
    Component(
        # Later releases keep the language host in a module that replaces its requirements, which Go
        # refuses to build from outside; sdk v3.68.0 is the last that can be, and any engine of v3
        # speaks its protocol.
        "pulumi-language-python",
        requires="github.com/pulumi/pulumi/sdk/v3",
        packages=(
            ("pulumi-language-python", "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python"),
            ("pulumi-language-python-exec", ""),
        ),
        official=_PULUMI,
        ldflags=_PULUMI_LDFLAGS,
        tool=True,
    ),
    Component(
        "helm",
        requires="helm.sh/helm/v3",
        packages=(("helm", "helm.sh/helm/v3/cmd/helm"),),
        official=Official(
            "https://get.helm.sh/helm-v{v}-linux-{arch}.tar.gz",
            "https://get.helm.sh/helm-v{v}-linux-{arch}.tar.gz.sha256sum",
            "linux-{arch}/{name}",
        ),
        ldflags="-X helm.sh/helm/v3/internal/version.version=v{v}",
        tool=True,
    ),
    Component(
        "crane",
        requires="github.com/google/go-containerregistry",
        packages=(("crane", "github.com/google/go-containerregistry/cmd/crane"),),
        official=_github(
            "google/go-containerregistry",
            "go-containerregistry_Linux_{crane}.tar.gz",
            "checksums.txt",
            "{name}",
        ),
        ldflags="-X github.com/google/go-containerregistry/cmd/crane/cmd.Version=v{v}",
        tool=True,
    ),
    Component("netfilter", requires="", packages=(("netfilter", ""),)),  # made of Debian's packages
)

RELEASES: tuple[tuple[str, str], ...] = (
    # component, version; the first row of a component is the default
    ("kubernetes", "1.36.3"),
    ("etcd", "3.7.3"),
    ("containerd", "2.4.2"),
    ("runc", "1.5.2"),
    ("cni-plugins", "1.9.1"),
    ("flannel", "0.28.4"),
    ("coredns", "1.15.0"),
    ("metrics-server", "0.9.0"),
    ("cri-tools", "1.36.0"),
    ("kubelet-csr-approver", "1.0.0"),
    ("netfilter", "1"),
    ("pulumi", "3.259.0"),
    ("pulumi-language-python", "3.259.0"),
    ("helm", "3.22.0"),
    ("crane", "0.22.1"),
)

TOOLS = ("pulumi", "pulumi-language-python", "pulumi-language-python-exec", "kubectl", "helm", "crane")
"""What the deployer's machine needs."""

NODE_ARTIFACTS = (
    *_KUBE_NAMES,
    *("etcd", "etcdctl", "etcdutl", "containerd", "containerd-shim-runc-v2", "ctr", "runc"),
    *("cni-bridge", "cni-loopback", "cni-host-local", "cni-portmap"),
    *("flanneld", "crictl", "kubelet-csr-approver", "netfilter"),
)
"""What hosts fetch, and so what a mirror holds."""


@dataclass(frozen=True, slots=True)
class Image:
    """A container image. `reference`: upstream's name, `{v}` the version of `component`."""

    reference: str
    component: str = ""


IMAGES: tuple[Image, ...] = (
    Image("registry.k8s.io/pause:3.10.1"),
    Image("registry.k8s.io/coredns/coredns:v{v}", "coredns"),
    Image("registry.k8s.io/metrics-server/metrics-server:v{v}", "metrics-server"),
    Image("docker.io/library/busybox:1.35"),
)

_ARCHITECTURES = {
    "x86_64": {"arch": "amd64", "pulumi": "x64", "crane": "x86_64"},
    "aarch64": {"arch": "arm64", "pulumi": "arm64", "crane": "arm64"},
}


def _default(component: str) -> str:
    return next(version for name, version in RELEASES if name == component)


DEFAULTS = Versions(**{field.name: _default(field.name.replace("_", "-")) for field in fields(Versions)})
"""The versions a stack gets when it names none."""


@dataclass(frozen=True, slots=True)
class Binary:
    """One file of one release, with every template filled in."""

    name: str
    version: str
    component: Component
    package: str
    module: Path
    """Directory of the go.mod that builds it."""
    ldflags: str
    official: Official | None

    @property
    def key(self) -> str:
        """`name/version`, its key in an index."""
        return f"{self.name}/{self.version}"


def supported(component: str) -> tuple[str, ...]:
    """Versions of a component (`kubernetes`, `etcd`, `cni-plugins` or `cni_plugins`), the default first."""
    wanted = component.replace("_", "-")
    return tuple(version for name, version in RELEASES if name == wanted)


def component_of(name: str) -> Component:
    """The component that a binary belongs to. Raises ArtifactError for an unknown name."""
    for component in COMPONENTS:
        if any(name == binary for binary, _ in component.packages):
            return component
    raise ArtifactError(f"{name}: the catalogue knows no such binary")


def component_of_release(name: str) -> Component:
    """The component of a row of `RELEASES`."""
    return next(component for component in COMPONENTS if component.name == name)


def version_of(name: str, versions: Versions = DEFAULTS) -> str:
    """The version of a binary in a cluster of these versions (fixed for what clusters do not choose)."""
    component = component_of(name).name
    chosen: str | None = getattr(versions, component.replace("-", "_"), None)
    return chosen or _default(component)


def binary(name: str, version: str = "") -> Binary:
    """The catalogue's row of a binary, at its default version unless `version` is given.

    Raises ArtifactError when the catalogue has no such binary or version.
    """
    component = component_of(name)
    version = version or _default(component.name)
    if version not in supported(component.name):
        known = ", ".join(supported(component.name))
        raise ArtifactError(f"{name} {version}: not in the catalogue, which has {known}")
    major, minor, *_ = [*version.split("."), ""]
    values = {"v": version, "name": name, "plugin": name.removeprefix("cni-"), "major": major, "minor": minor}
    values |= architecture()
    official = component.official
    if official is not None:
        official = replace(
            official,
            url=official.url.format(**values),
            checksum=official.checksum.format(**values),
            member=official.member.format(**values),
        )
    return Binary(
        name=name,
        version=version,
        component=component,
        package=dict(component.packages)[name],
        module=MODULES / f"{component.name}-{version}",
        ldflags=f"-s -w {component.ldflags.format(**values)}".strip(),
        official=official,
    )


def architecture() -> dict[str, str]:
    """The machine's architecture in the spellings of the templates. Raises ArtifactError if unsupported."""
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        raise ArtifactError(f"processor architecture {machine}: supported are {', '.join(_ARCHITECTURES)}")
    return _ARCHITECTURES[machine]


def node_binaries(versions: Versions = DEFAULTS) -> tuple[Binary, ...]:
    """Everything that hosts of a cluster of these versions fetch."""
    return tuple(binary(name, version_of(name, versions)) for name in NODE_ARTIFACTS)


def images(versions: Versions = DEFAULTS) -> tuple[str, ...]:
    """References of the images that a cluster of these versions uses."""
    references = []
    for image in IMAGES:
        version = getattr(versions, image.component.replace("-", "_")) if image.component else ""
        references.append(image.reference.format(v=version))
    return tuple(references)
