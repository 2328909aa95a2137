"""The components of the catalogue: the official site and the Go module of each.

In templates `{v}` is the version without a leading `v`, and `{major}` and `{minor}` are its parts. `{name}`
is the name of the binary, `{plugin}` is the name without `cni-`. `{arch}`, `{pulumi}` and `{crane}` are the
architecture as Go, Pulumi and crane spell it.
"""

from __future__ import annotations

from artifacts.add_ons import ADD_ONS
from artifacts.component import Component, OfficialSite, github_release

_KUBE_VERSION = "k8s.io/component-base/version"
_KUBE_LDFLAGS = (
    f"-X {_KUBE_VERSION}.gitVersion=v{{v}} -X {_KUBE_VERSION}.gitMajor={{major}} "
    f"-X {_KUBE_VERSION}.gitMinor={{minor}} -X {_KUBE_VERSION}.gitTreeState=clean "
    f"-X {_KUBE_VERSION}.gitCommit=v{{v}}"
)
KUBERNETES = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kubectl",
)
_KUBE_TEST = "k8s.io/kubernetes/test"
_CONTAINERD = "github.com/containerd/containerd/v2"
_CNI = "github.com/containernetworking/plugins"
_CNI_KINDS = {
    "ipam": ("dhcp", "host-local", "static"),
    "main": ("bridge", "dummy", "host-device", "ipvlan", "loopback", "macvlan", "ptp", "tap", "vlan"),
    "meta": ("bandwidth", "firewall", "portmap", "sbr", "tuning", "vrf"),
}
CNI_PLUGINS = tuple(f"cni-{name}" for names in _CNI_KINDS.values() for name in names)
"""The names of all CNI plugins of upstream."""
_KUBE_ROUTER = "github.com/cloudnativelabs/kube-router/v2"
_PULUMI_LDFLAGS = "-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{v}"
_PULUMI = github_release(
    "pulumi/pulumi", "pulumi-v{v}-linux-{pulumi}.tar.gz", "pulumi-{v}-checksums.txt", "pulumi/{name}"
)

COMPONENTS: tuple[Component, ...] = (
    Component(
        "kubernetes",
        go_module="k8s.io/kubernetes",
        # Only benchmarks/ready uses kubeadm, for a comparison.
        packages=tuple((name, f"k8s.io/kubernetes/cmd/{name}") for name in (*KUBERNETES, "kubeadm")),
        official=OfficialSite(
            "https://dl.k8s.io/v{v}/bin/linux/{arch}/{name}",
            "https://dl.k8s.io/v{v}/bin/linux/{arch}/{name}.sha256",
        ),
        ldflags=_KUBE_LDFLAGS,
    ),
    Component(  # `kubewright conformance` runs these programs
        "kubernetes-test",
        go_module="k8s.io/kubernetes",
        packages=(("e2e.test", f"{_KUBE_TEST}/e2e"), ("ginkgo", "github.com/onsi/ginkgo/v2/ginkgo")),
        official=OfficialSite(
            "https://dl.k8s.io/v{v}/kubernetes-test-linux-{arch}.tar.gz",
            "https://dl.k8s.io/v{v}/kubernetes-test-linux-{arch}.tar.gz.sha256",
            "kubernetes/test/bin/{name}",
        ),
        ldflags=_KUBE_LDFLAGS,
        released_with="kubernetes",
    ),
    Component(  # programs of upstream's test images, released as images only
        "kubernetes-test-images",
        go_module="k8s.io/kubernetes",
        packages=(
            ("agnhost", f"{_KUBE_TEST}/images/agnhost"),
            ("apparmor-loader", f"{_KUBE_TEST}/images/apparmor-loader"),
            ("nnp", f"{_KUBE_TEST}/images/nonewprivs"),
            ("resource-consumer", f"{_KUBE_TEST}/images/resource-consumer"),
            ("consume-cpu", f"{_KUBE_TEST}/images/resource-consumer/consume-cpu"),
            ("regression-issue-74839", f"{_KUBE_TEST}/images/regression-issue-74839"),
            ("sample-apiserver", "k8s.io/sample-apiserver"),
        ),
        released_with="kubernetes",
    ),
    *(  # programs of this project, whose sources are in the module directories
        Component(name, go_module="", packages=((name, "."),))
        for name in ("conformance-shell", "kubelet-csr-approver")
    ),
    Component(
        "etcd",
        go_module="go.etcd.io/etcd/server/v3",
        packages=(
            ("etcd", "go.etcd.io/etcd/server/v3"),
            ("etcdctl", "go.etcd.io/etcd/etcdctl/v3"),
            ("etcdutl", "go.etcd.io/etcd/etcdutl/v3"),
        ),
        official=github_release(
            "etcd-io/etcd", "etcd-v{v}-linux-{arch}.tar.gz", "SHA256SUMS", "etcd-v{v}-linux-{arch}/{name}"
        ),
    ),
    Component(
        "containerd",
        go_module=_CONTAINERD,
        packages=tuple(
            (name, f"{_CONTAINERD}/cmd/{name}") for name in ("containerd", "containerd-shim-runc-v2", "ctr")
        ),
        official=github_release(
            "containerd/containerd",
            "containerd-static-{v}-linux-{arch}.tar.gz",
            "containerd-static-{v}-linux-{arch}.tar.gz.sha256sum",
            "bin/{name}",
        ),
        ldflags=f"-X {_CONTAINERD}/version.Version=v{{v}}",
    ),
    Component(
        "runc",
        go_module="github.com/opencontainers/runc",
        packages=(("runc", "github.com/opencontainers/runc"),),
        official=github_release("opencontainers/runc", "runc.{arch}", "runc.sha256sum"),
        ldflags="-X main.version={v} -extldflags -static",
        tags="seccomp netgo osusergo",
        cgo=True,
    ),
    Component(
        "cni-plugins",
        go_module=_CNI,
        packages=tuple(
            (f"cni-{name}", f"{_CNI}/plugins/{kind}/{name}")
            for kind, names in _CNI_KINDS.items()
            for name in names
        ),
        official=github_release(
            "containernetworking/plugins",
            "cni-plugins-linux-{arch}-v{v}.tgz",
            "cni-plugins-linux-{arch}-v{v}.tgz.sha256",
            "./{plugin}",
        ),
    ),
    Component(  # upstream publishes flanneld without a checksum, so it is always built
        "flannel",
        go_module="github.com/flannel-io/flannel",
        packages=(("flanneld", "github.com/flannel-io/flannel"),),
        ldflags="-X github.com/flannel-io/flannel/pkg/version.Version=v{v} -extldflags -static",
        tags="netgo osusergo",
        cgo=True,
    ),
    Component(  # the fork of k3s, which releases no files; go.mod replaces upstream's module by the fork
        "kube-router",
        go_module=_KUBE_ROUTER,
        packages=(("kube-router", f"{_KUBE_ROUTER}/cmd/kube-router"),),
        ldflags=f"-X {_KUBE_ROUTER}/pkg/version.Version=v{{v}}",
    ),
    Component(
        "coredns",
        go_module="github.com/coredns/coredns",
        packages=(("coredns", "github.com/coredns/coredns"),),
        official=github_release(
            "coredns/coredns", "coredns_{v}_linux_{arch}.tgz", "coredns_{v}_linux_{arch}.tgz.sha256", "{name}"
        ),
    ),
    Component(  # released as an image only
        "metrics-server",
        go_module="sigs.k8s.io/metrics-server",
        packages=(("metrics-server", "sigs.k8s.io/metrics-server/cmd/metrics-server"),),
        ldflags="-X k8s.io/client-go/pkg/version.gitVersion=v{v}",
    ),
    *ADD_ONS,
    Component(
        "cri-tools",
        go_module="sigs.k8s.io/cri-tools",
        packages=(("crictl", "sigs.k8s.io/cri-tools/cmd/crictl"),),
        official=github_release(
            "kubernetes-sigs/cri-tools",
            "crictl-v{v}-linux-{arch}.tar.gz",
            "crictl-v{v}-linux-{arch}.tar.gz.sha256",
            "{name}",
        ),
        ldflags="-X sigs.k8s.io/cri-tools/pkg/version.Version={v}",
    ),
    Component(
        "ecr-credential-provider",
        go_module="k8s.io/cloud-provider-aws",
        packages=(("ecr-credential-provider", "k8s.io/cloud-provider-aws/cmd/ecr-credential-provider"),),
        official=OfficialSite(
            "https://artifacts.k8s.io/binaries/cloud-provider-aws/v{v}/linux/{arch}/{name}-linux-{arch}",
            "https://artifacts.k8s.io/binaries/cloud-provider-aws/v{v}/linux/{arch}/{name}-linux-{arch}.sha256",
        ),
        ldflags="-X main.gitVersion=v{v}",
    ),
    Component(  # upstream publishes age without a checksum, so it is always built
        "age",
        go_module="filippo.io/age",
        packages=(("age", "filippo.io/age/cmd/age"),),
        ldflags="-X main.Version=v{v}",
    ),
    Component(  # with few storage systems; the program is in the module directory
        "rclone",
        go_module="github.com/rclone/rclone",
        packages=(("rclone", "."),),
        ldflags="-X github.com/rclone/rclone/fs.Version=v{v}",
    ),
    Component(
        "pulumi",
        go_module="github.com/pulumi/pulumi/pkg/v3",
        packages=(("pulumi", "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"),),
        official=_PULUMI,
        ldflags=_PULUMI_LDFLAGS,
        tool=True,
    ),
    Component(
        # Later releases keep the language host in a module with replace directives, which Go refuses to
        # build from outside. sdk v3.68.0 is the last version that builds; any v3 engine speaks its protocol.
        "pulumi-language-python",
        go_module="github.com/pulumi/pulumi/sdk/v3",
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
        go_module="helm.sh/helm/v3",
        packages=(("helm", "helm.sh/helm/v3/cmd/helm"),),
        official=OfficialSite(
            "https://get.helm.sh/helm-v{v}-linux-{arch}.tar.gz",
            "https://get.helm.sh/helm-v{v}-linux-{arch}.tar.gz.sha256sum",
            "linux-{arch}/{name}",
        ),
        ldflags="-X helm.sh/helm/v3/internal/version.version=v{v}",
        tool=True,
    ),
    Component(
        "crane",
        go_module="github.com/google/go-containerregistry",
        packages=(("crane", "github.com/google/go-containerregistry/cmd/crane"),),
        official=github_release(
            "google/go-containerregistry",
            "go-containerregistry_Linux_{crane}.tar.gz",
            "checksums.txt",
            "{name}",
        ),
        ldflags="-X github.com/google/go-containerregistry/cmd/crane/cmd.Version=v{v}",
        tool=True,
    ),
    *(  # built from Debian packages
        Component(name, go_module="", packages=((name, ""),))
        for name in ("netfilter", "ipset", "iproute", "nfs", "haproxy", "keepalived")
    ),
)
