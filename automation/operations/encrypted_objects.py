"""Counts the objects in etcd by resource and by the provider that encrypted them [D4].

etcd stores an encrypted object with a prefix that names its provider and key, such as
`k8s:enc:secretbox:v1:key1:`. A script on an etcd member reads all objects and prints only counts, so that no
object leaves the member.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from automation.errors import UserError
from automation.operations.remote import Remote
from nodeconfig.host_paths import BIN, ETCD_PKI, LOCAL_ETCD
from topology.encryption import PLAIN_PREFIX, ResourceEncryption
from topology.model import Topology

_TIMEOUT_SECONDS = 900
_OBJECTS_PER_READ = 100
_PLAIN = "plain"

# API servers store objects of custom resources in /registry/GROUP/RESOURCE/, others in /registry/RESOURCE/.
# The output format `fields` has the key and the value of an object on lines of their own, quoted as in Go.
_SCRIPT = f"""
set -eu
umask 077
export LC_ALL=C
export ETCDCTL_ENDPOINTS={LOCAL_ETCD} ETCDCTL_CACERT={ETCD_PKI}/etcd-ca.crt
export ETCDCTL_CERT={ETCD_PKI}/operator.crt ETCDCTL_KEY={ETCD_PKI}/operator.key
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
read_etcd() {{ {BIN}/etcdctl --command-timeout=60s get "$@"; }}
read_etcd /registry/ --prefix --keys-only >"$work/keys"
number=0
while IFS= read -r key; do
    [ -n "$key" ] || continue
    [ $((number % {_OBJECTS_PER_READ})) -ne 0 ] || printf '%s\\n' "$key"
    number=$((number + 1))
done <"$work/keys" >"$work/starts"
echo /registry0 >>"$work/starts"
count_page() {{
    while IFS= read -r line; do
        case $line in
        '"Key" : "/registry/'*)
            path=${{line#*/registry/}} resource=${{line#*/registry/}}
            resource=${{resource%%/*}} path=${{path#*/}}
            case $resource in *.*) resource=${{path%%/*}}.$resource ;; esac
            ;;
        '"Value" : "k8s:enc:'*)
            value=${{line#*k8s:enc:}}
            kind=${{value%%:*}} value=${{value#*:}}
            version=${{value%%:*}} value=${{value#*:}}
            echo "k8s:enc:$kind:$version:${{value%%:*}}: $resource"
            ;;
        '"Value" : '*) echo "{_PLAIN} $resource" ;;
        esac
    done
}}
previous=
while IFS= read -r key; do
    if [ -n "$previous" ]; then
        read_etcd "$previous" "$key" --write-out=fields >"$work/page"
        cut -b 1-1000 "$work/page" | count_page >>"$work/objects"
    fi
    previous=$key
done <"$work/starts"
[ ! -f "$work/objects" ] || sort "$work/objects" | uniq -c
"""


@dataclass(frozen=True, slots=True)
class ObjectCount:
    """The number of objects of a resource in etcd that have the same prefix.

    `resource` is the name in etcd, such as `secrets` or `cars.example.com`. Groups of Kubernetes, such as
    `apps`, are not part of it. `prefix` is empty for objects that are not encrypted.
    """

    resource: str
    prefix: str
    objects: int


def count_objects(remote: Remote, topology: Topology) -> list[ObjectCount]:
    """Return the counts of all objects in etcd, from the first member that answers.

    Raise UserError if no member answers.
    """
    reasons = []
    for member in topology.etcd:
        result = remote.run(member.name, _SCRIPT, timeout=_TIMEOUT_SECONDS)
        if result.ok:
            return parse_counts(result.output)
        reasons.append(f"{member.name}: {result.reason}")
    raise UserError(f"no etcd member counted the encrypted objects: {'; '.join(reasons)}")


def parse_counts(output: str) -> list[ObjectCount]:
    """Return the counts in the output of the script."""
    counts = []
    for line in output.splitlines():
        number, prefix, resource = line.split()
        counts.append(ObjectCount(resource, PLAIN_PREFIX if prefix == _PLAIN else prefix, int(number)))
    return counts


def outdated(counts: Iterable[ObjectCount], encryptions: Sequence[ResourceEncryption]) -> list[ObjectCount]:
    """Return the counts of objects that API servers would write with another prefix today."""
    return [count for count in counts if count.prefix not in _write_prefixes(count, encryptions)]


def unreadable(counts: Iterable[ObjectCount], encryptions: Sequence[ResourceEncryption]) -> list[ObjectCount]:
    """Return the counts of encrypted objects that no API server could read."""
    return [
        count
        for count in counts
        if count.prefix != PLAIN_PREFIX and count.prefix not in _read_prefixes(count, encryptions)
    ]


def provider_text(prefix: str) -> str:
    """Return the provider of a prefix in words: `key1`, `the KMS plugin vault` or `not encrypted`."""
    if prefix == PLAIN_PREFIX:
        return "not encrypted"
    kind, name = prefix.split(":")[2], prefix.split(":")[4]
    return f"the KMS plugin {name}" if kind == "kms" else name


def describe_counts(counts: Iterable[ObjectCount]) -> str:
    """Return counts in one line, such as `12 secrets with key1, 3 configmaps not encrypted`."""
    return ", ".join(
        f"{count.objects} {count.resource} "
        f"{'' if count.prefix == PLAIN_PREFIX else 'with '}{provider_text(count.prefix)}"
        for count in counts
    )


def _write_prefixes(count: ObjectCount, encryptions: Sequence[ResourceEncryption]) -> set[str]:
    """Return the prefixes that are current for the resource of a count."""
    certain, possible = _find_encryptions(count.resource, encryptions)
    prefixes = {item.write_prefix for item in possible}
    return prefixes if certain else prefixes | {PLAIN_PREFIX}


def _read_prefixes(count: ObjectCount, encryptions: Sequence[ResourceEncryption]) -> set[str]:
    _, possible = _find_encryptions(count.resource, encryptions)
    return {prefix for item in possible for prefix in item.read_prefixes}


def _find_encryptions(
    resource: str, encryptions: Sequence[ResourceEncryption]
) -> tuple[bool, Sequence[ResourceEncryption]]:
    """Return the possible encryptions of a resource in etcd, and whether the first of them is certain.

    In etcd, resources of Kubernetes have no group. So their names alone are compared, and each wildcard could
    contain them.
    """
    by_name = {item.resource: item for item in encryptions}
    names = [name for name in by_name if name == resource]
    if group := resource.partition(".")[2]:
        names += [name for name in (f"*.{group}", "*.*") if name in by_name]
    else:
        names += [name for name in by_name if name.partition(".")[0] == resource]
    if names:
        return True, [by_name[names[0]]]
    return False, [] if group else [by_name[name] for name in by_name if name.startswith("*")]
