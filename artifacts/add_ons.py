"""The components of the catalogue that are add-ons in the cluster. Most are released as images only.

Templates are those of `artifacts.components`.
"""

from __future__ import annotations

from artifacts.component import Component, OfficialSite, github_release

_METALLB = "go.universe.tf/metallb"
_CILIUM = "github.com/cilium/cilium"
_CERT_MANAGER = "github.com/cert-manager/cert-manager"
_LOCAL_PATH = "github.com/rancher/local-path-provisioner"
_LOKI = "github.com/grafana/loki/v3"
_EXTERNAL_DNS = "sigs.k8s.io/external-dns"
_PROMETHEUS = "github.com/prometheus"
_PROMETHEUS_LDFLAGS = f"-X {_PROMETHEUS}/common/version.Version={{v}}"
_DISTRIBUTION = "github.com/distribution/distribution/v3"
_SNAPSHOTTER = "github.com/kubernetes-csi/external-snapshotter/v8"
_KEDA = "github.com/kedacore/keda/v2"
CERT_MANAGER_PROGRAMS = ("controller", "webhook", "acmesolver")


def _prometheus_release(repository: str) -> OfficialSite:
    """Return the templates of a release of the Prometheus project."""
    archive = f"{repository}-{{v}}.linux-{{arch}}"
    return github_release(
        f"prometheus/{repository}", f"{archive}.tar.gz", "sha256sums.txt", f"{archive}/{{name}}"
    )


KEDA_IMAGES = {
    "keda-operator": "ghcr.io/kedacore/keda",
    "keda-metrics-apiserver": "ghcr.io/kedacore/keda-metrics-apiserver",
    "keda-admission-webhooks": "ghcr.io/kedacore/keda-admission-webhooks",
}
"""The image of each program of KEDA."""

ADD_ONS: tuple[Component, ...] = (
    Component(  # released as an image; go.mod replaces two modules, see docs/artifacts.md
        "traefik",
        go_module="github.com/traefik/traefik/v3",
        packages=(("traefik", "github.com/traefik/traefik/v3/cmd/traefik"),),
        official=github_release(
            "traefik/traefik", "traefik_v{v}_linux_{arch}.tar.gz", "traefik_v{v}_checksums.txt", "{name}"
        ),
        ldflags="-X github.com/traefik/traefik/v3/pkg/version.Version={v}",
    ),
    Component(  # released as images only; go.mod replaces a module that native BGP does not use
        "metallb",
        go_module=_METALLB,
        packages=tuple((f"metallb-{name}", f"{_METALLB}/{name}") for name in ("controller", "speaker")),
    ),
    Component(  # released as images only; go.mod replaces two modules, see docs/artifacts.md
        "cilium",
        go_module=_CILIUM,
        packages=(
            ("cilium-agent", f"{_CILIUM}/daemon"),
            ("cilium-operator-generic", f"{_CILIUM}/operator"),
            ("cilium-dbg", f"{_CILIUM}/cilium-dbg"),
            ("cilium-cni", f"{_CILIUM}/plugins/cilium-cni"),
            ("cilium-health", f"{_CILIUM}/cilium-health"),
            ("cilium-health-responder", f"{_CILIUM}/cilium-health/responder"),
            ("hubble", f"{_CILIUM}/hubble"),
        ),
        # The programs split this text at spaces: version, revision, date.
        ldflags=f"-X '{_CILIUM}/pkg/version.ciliumVersion={{v}} v{{v}} unknown'",
        tags="osusergo ipam_provider_operator",
    ),
    Component(  # released as images only; the programs are in the module directory, see docs/artifacts.md
        "cert-manager",
        go_module=_CERT_MANAGER,
        packages=tuple((f"cert-manager-{name}", f"./{name}") for name in CERT_MANAGER_PROGRAMS),
        ldflags=f"-X {_CERT_MANAGER}/pkg/util.AppVersion=v{{v}}",
    ),
    Component(  # released as an image only; go.mod replaces four modules, see docs/artifacts.md
        "external-dns",
        go_module=_EXTERNAL_DNS,
        packages=(("external-dns", _EXTERNAL_DNS),),
        ldflags=f"-X {_EXTERNAL_DNS}/pkg/apis/externaldns.Version=v{{v}}",
    ),
    Component(  # released as images only
        "keda",
        go_module=_KEDA,
        packages=(
            ("keda-operator", f"{_KEDA}/cmd/operator"),
            ("keda-metrics-apiserver", f"{_KEDA}/cmd/adapter"),
            ("keda-admission-webhooks", f"{_KEDA}/cmd/webhooks"),
        ),
        ldflags=f"-X {_KEDA}/version.Version={{v}}",
    ),
    Component(  # released as an image; the program in the module directory has fewer parts than upstream's
        "otelcol",
        go_module="go.opentelemetry.io/collector/otelcol",
        packages=(("otelcol-contrib", "."),),
        ldflags="-X main.version={v}",
    ),
    Component(  # released as an image; go.mod has the replacements of Loki's own go.mod
        "loki",
        go_module=_LOKI,
        packages=(("loki", f"{_LOKI}/cmd/loki"),),
        ldflags=f"-X {_LOKI}/pkg/util/build.Version={{v}}",
    ),
    Component(  # released as an image only
        "local-path-provisioner",
        go_module=_LOCAL_PATH,
        packages=(("local-path-provisioner", _LOCAL_PATH),),
        ldflags="-X main.VERSION=v{v}",
    ),
    Component(  # released as images only
        "external-snapshotter",
        go_module=_SNAPSHOTTER,
        packages=(("snapshot-controller", f"{_SNAPSHOTTER}/cmd/snapshot-controller"),),
        ldflags="-X main.version=v{v}",
    ),
    Component(  # with Kubernetes as the only source of targets that are discovered
        "prometheus",
        go_module=f"{_PROMETHEUS}/prometheus",
        packages=tuple((name, f"{_PROMETHEUS}/prometheus/cmd/{name}") for name in ("prometheus", "promtool")),
        official=_prometheus_release("prometheus"),
        ldflags=_PROMETHEUS_LDFLAGS,
        tags="netgo remove_all_sd enable_kubernetes_sd",
    ),
    Component(  # the last release whose module contains the web interface, without which it does not build
        "alertmanager",
        go_module=f"{_PROMETHEUS}/alertmanager",
        packages=tuple(
            (name, f"{_PROMETHEUS}/alertmanager/cmd/{name}") for name in ("alertmanager", "amtool")
        ),
        official=_prometheus_release("alertmanager"),
        ldflags=_PROMETHEUS_LDFLAGS,
    ),
    Component(  # hosts run this program as a service
        "node-exporter",
        go_module=f"{_PROMETHEUS}/node_exporter",
        packages=(("node_exporter", f"{_PROMETHEUS}/node_exporter"),),
        official=_prometheus_release("node_exporter"),
        ldflags=_PROMETHEUS_LDFLAGS,
    ),
    Component(  # the last release that Go 1.26 compiles; hosts read the end of certificates with it
        "cfssl",
        go_module="github.com/cloudflare/cfssl",
        packages=(("cfssl-certinfo", "github.com/cloudflare/cfssl/cmd/cfssl-certinfo"),),
        official=github_release("cloudflare/cfssl", "{name}_{v}_linux_{arch}", "cfssl_{v}_checksums.txt"),
    ),
    Component(  # upstream's image also has the programs of Alpine's busybox
        "distribution",
        go_module=_DISTRIBUTION,
        packages=(("registry", f"{_DISTRIBUTION}/cmd/registry"),),
        ldflags=f"-X {_DISTRIBUTION}/version.version={{v}}",
    ),
)
