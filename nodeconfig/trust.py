"""What pods and extension API servers are told to trust, while an authority is rotated [B3]."""

from __future__ import annotations

from shlex import quote

from nodeconfig.places import ADMIN, BIN, CA, PKI
from topology.model import Topology

_KUBECTL = f"{BIN}/kubectl --kubeconfig={ADMIN} --request-timeout=20s"
_SECONDS = 120
_AUTHORITIES = ("kubernetes", "front-proxy")
"""Those that the API tells others about."""

# One namespace's authorities: their lines, and then a line that no certificate has.
_PODS = r'jsonpath={range .items[*]}{.data.ca\.crt}{"\n= "}{.metadata.namespace}{"\n"}{end}'
_EXTENSIONS = ("client-ca-file", "requestheader-client-ca-file")


def published(topology: Topology) -> str:
    """The sh text for a control plane that waits until the cluster has told its pods what to trust.

    Empty for a cluster whose authorities were never rotated. The next stage must not begin before:
    pods would meet certificates of an authority they have not heard of. It waits, too, for a controller
    manager that leads, since kubelets are about to ask it for certificates. API servers only ever add to
    what extension API servers trust, so what was dropped is taken away here: they write it anew.
    """
    begun = [(name, r) for name, r in topology.certificates.rotations if name in _AUTHORITIES]
    if not begun:
        return ""
    lines = [
        f"# {name}: {r.signs} signs, {' '.join(map(str, r.trusts))} trusted" for name, r in sorted(begun)
    ]
    return "\n".join((*lines, _program())) + "\n"


def _program() -> str:
    files = dict(zip(_EXTENSIONS, (CA, f"{PKI}/front-proxy-ca.crt"), strict=True))
    checks = " && ".join(f"has {key} {file}" for key, file in files.items())
    leftovers = " || ".join(f"keeps {key} {file}" for key, file in files.items())
    return f"""\
set -eu
umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
kubectl() {{ {_KUBECTL} "$@"; }}
wanted=$(cat {CA})
behind() {{
    kubectl get configmaps --all-namespaces --field-selector=metadata.name=kube-root-ca.crt \\
        -o {quote(_PODS)} >"$work/pods" || {{ echo "(the API does not answer)"; return; }}
    found=
    while read -r line; do
        case $line in
        "= "*) [ "$found" = "$wanted" ] || echo "${{line#= }}"; found= ;;
        ?*) found="${{found:+$found
}}$line" ;;
        esac
    done <"$work/pods"
}}
told() {{ # KEY: what extension API servers are told
    kubectl -n kube-system get configmap extension-apiserver-authentication -o "jsonpath={{.data.$1}}" |
        sort >"$work/told"
}}
has() {{ # KEY FILE
    told "$1" && sort "$2" >"$work/wanted" && [ -z "$(comm -13 "$work/told" "$work/wanted")" ]
}}
keeps() {{ # KEY FILE
    told "$1" && sort "$2" >"$work/wanted" && [ -n "$(comm -23 "$work/told" "$work/wanted")" ]
}}
leader() {{ kubectl -n kube-system get lease kube-controller-manager -o 'jsonpath={{.spec.renewTime}}'; }}
renewed=$(leader) || renewed=
leads() {{ now=$(leader) && [ -n "$now" ] && [ "$now" != "$renewed" ]; }}
if {leftovers}; then
    kubectl -n kube-system delete configmap extension-apiserver-authentication --ignore-not-found >/dev/null
fi
deadline=$(($(date +%s) + {_SECONDS}))
until [ -z "$(behind)" ] && {checks} && leads; do
    [ "$(date +%s)" -lt "$deadline" ] || {{
        echo "not told after {_SECONDS} s what to trust: namespaces $(behind | tr '\n' ' ')" >&2
        echo "see that kube-controller-manager runs on the control planes, then run up again" >&2
        exit 1
    }}
    sleep 1
done"""
