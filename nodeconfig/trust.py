"""Script that waits until pods and extension API servers have the certificates of rotated CAs [B3]."""

from __future__ import annotations

from collections.abc import Mapping
from shlex import quote

from topology.certificates import FRONT_PROXY_CA, KUBERNETES_CA
from topology.model import Topology
from topology.rotations import Rotation

_TIMEOUT_SECONDS = 120
_PUBLISHED_AUTHORITIES = ("kubernetes", "front-proxy")
"""Names of the CAs whose certificates the API publishes to pods or extension API servers."""

# For each namespace: the lines of its CAs, then a line that no certificate contains.
_CA_CONFIGMAPS_JSONPATH = r'jsonpath={range .items[*]}{.data.ca\.crt}{"\n= "}{.metadata.namespace}{"\n"}{end}'
_EXTENSION_API_KEYS = {"client-ca-file": KUBERNETES_CA, "requestheader-client-ca-file": FRONT_PROXY_CA}
"""Keys of the ConfigMap that extension API servers read, and the CA of each key."""
_SCRIPT_HEADER = """\
set -eu
umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT"""


def needs_publication(topology: Topology) -> bool:
    """Return whether a CA that the API publishes to pods or extension API servers was ever rotated."""
    return bool(_published_rotations(topology))


def publication_script(topology: Topology, authority_pems: Mapping[str, str]) -> str:
    """Return the sh text that waits, with an administrator's `kubectl`, until pods trust the CAs.

    `authority_pems` has the PEMs of trusted certificates by the names of CAs. The next stage of the rotation
    must not begin before this script has ended, because pods would be presented with certificates of a CA
    that they do not trust yet. The script also waits for a leading controller manager, from which kubelets
    request certificates next. API servers only add CAs to the list for extension API servers. To remove a CA,
    the script deletes the ConfigMap, and the API servers write it again.
    """
    lines = [
        f"# {name}: {rotation.signing} signs, {' '.join(map(str, rotation.trusted))} trusted"
        for name, rotation in _published_rotations(topology)
    ]
    files = [
        f"cat >\"$work/{name}.crt\" <<'EOF'\n{authority_pems[name].strip()}\nEOF"
        for name in _EXTENSION_API_KEYS.values()
    ]
    return "\n".join((*lines, _SCRIPT_HEADER, *files, _publication_program())) + "\n"


def _published_rotations(topology: Topology) -> list[tuple[str, Rotation]]:
    """Return the rotations of published CAs as pairs of CA name and rotation, sorted by name."""
    return sorted(
        (name, rotation)
        for name, rotation in topology.certificates.rotations
        if name in _PUBLISHED_AUTHORITIES
    )


def _publication_program() -> str:
    files = {key: f'"$work/{name}.crt"' for key, name in _EXTENSION_API_KEYS.items()}
    checks = " && ".join(f"has_all {key} {file}" for key, file in files.items())
    leftovers = " || ".join(f"has_removed {key} {file}" for key, file in files.items())
    return f"""\
k() {{ kubectl --request-timeout=20s "$@"; }}
expected=$(cat "$work/{KUBERNETES_CA}.crt")
namespaces_behind() {{
    k get configmaps --all-namespaces --field-selector=metadata.name=kube-root-ca.crt \\
        -o {quote(_CA_CONFIGMAPS_JSONPATH)} >"$work/pods" || {{ echo "(the API does not answer)"; return; }}
    published=
    while read -r line; do
        case $line in
        "= "*) [ "$published" = "$expected" ] || echo "${{line#= }}"; published= ;;
        ?*) published="${{published:+$published
}}$line" ;;
        esac
    done <"$work/pods"
}}
published_key() {{ # KEY: writes the authorities that extension API servers read
    k -n kube-system get configmap extension-apiserver-authentication -o "jsonpath={{.data.$1}}" |
        sort >"$work/published"
}}
has_all() {{ # KEY FILE
    published_key "$1" && sort "$2" >"$work/expected" &&
        [ -z "$(comm -13 "$work/published" "$work/expected")" ]
}}
has_removed() {{ # KEY FILE
    published_key "$1" && sort "$2" >"$work/expected" &&
        [ -n "$(comm -23 "$work/published" "$work/expected")" ]
}}
lease_time() {{ k -n kube-system get lease kube-controller-manager -o 'jsonpath={{.spec.renewTime}}'; }}
first_lease=$(lease_time) || first_lease=
leader_renews() {{ now=$(lease_time) && [ -n "$now" ] && [ "$now" != "$first_lease" ]; }}
if {leftovers}; then
    k -n kube-system delete configmap extension-apiserver-authentication --ignore-not-found >/dev/null
fi
deadline=$(($(date +%s) + {_TIMEOUT_SECONDS}))
until [ -z "$(namespaces_behind)" ] && {checks} && leader_renews; do
    [ "$(date +%s)" -lt "$deadline" ] || {{
        behind=$(namespaces_behind | tr '\n' ' ')
        echo "authorities not published after {_TIMEOUT_SECONDS} s in namespaces $behind" >&2
        echo "check that kube-controller-manager runs on the control planes, then run up again" >&2
        exit 1
    }}
    sleep 1
done"""
