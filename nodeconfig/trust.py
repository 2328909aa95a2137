"""What pods and extension API servers are told to trust, while an authority is rotated [B3]."""

from __future__ import annotations

from collections.abc import Mapping
from shlex import quote

from topology.certificates import FRONT_PROXY_CA, KUBERNETES_CA
from topology.model import Rotation, Topology

_SECONDS = 120
_AUTHORITIES = ("kubernetes", "front-proxy")
"""Those that the API tells others about."""

# One namespace's authorities: their lines, and then a line that no certificate has.
_PODS = r'jsonpath={range .items[*]}{.data.ca\.crt}{"\n= "}{.metadata.namespace}{"\n"}{end}'
_FILES = {"client-ca-file": KUBERNETES_CA, "requestheader-client-ca-file": FRONT_PROXY_CA}
"""What extension API servers are told, and which authority it is."""
_BEGIN = """\
set -eu
umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT"""


def is_told(topology: Topology) -> bool:
    """Whether there is anything to tell: not in a cluster whose authorities were never rotated."""
    return bool(_begun(topology))


def published(topology: Topology, authorities: Mapping[str, str]) -> str:
    """The sh text that waits until pods are told what to trust, by an administrator's `kubectl`.

    `authorities` are the PEMs of what is trusted, by the names of the authorities. The next stage must not
    begin before: pods would meet certificates of an authority they have not heard of. It waits, too, for a
    controller manager that leads, since kubelets are about to ask it for certificates. API servers only ever
    add to what extension API servers trust, so what was dropped is taken away here: they write it anew.
    """
    lines = [
        f"# {name}: {r.signing} signs, {' '.join(map(str, r.trusted))} trusted"
        for name, r in _begun(topology)
    ]
    files = [
        f"cat >\"$work/{name}.crt\" <<'EOF'\n{authorities[name].strip()}\nEOF" for name in _FILES.values()
    ]
    return "\n".join((*lines, _BEGIN, *files, _program())) + "\n"


def _begun(topology: Topology) -> list[tuple[str, Rotation]]:
    return sorted((name, r) for name, r in topology.certificates.rotations if name in _AUTHORITIES)


def _program() -> str:
    files = {key: f'"$work/{name}.crt"' for key, name in _FILES.items()}
    checks = " && ".join(f"has {key} {file}" for key, file in files.items())
    leftovers = " || ".join(f"keeps {key} {file}" for key, file in files.items())
    return f"""\
k() {{ kubectl --request-timeout=20s "$@"; }}
wanted=$(cat "$work/{KUBERNETES_CA}.crt")
behind() {{
    k get configmaps --all-namespaces --field-selector=metadata.name=kube-root-ca.crt \\
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
    k -n kube-system get configmap extension-apiserver-authentication -o "jsonpath={{.data.$1}}" |
        sort >"$work/told"
}}
has() {{ # KEY FILE
    told "$1" && sort "$2" >"$work/wanted" && [ -z "$(comm -13 "$work/told" "$work/wanted")" ]
}}
keeps() {{ # KEY FILE
    told "$1" && sort "$2" >"$work/wanted" && [ -n "$(comm -23 "$work/told" "$work/wanted")" ]
}}
leader() {{ k -n kube-system get lease kube-controller-manager -o 'jsonpath={{.spec.renewTime}}'; }}
renewed=$(leader) || renewed=
leads() {{ now=$(leader) && [ -n "$now" ] && [ "$now" != "$renewed" ]; }}
if {leftovers}; then
    k -n kube-system delete configmap extension-apiserver-authentication --ignore-not-found >/dev/null
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
