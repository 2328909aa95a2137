"""`certificates` [B3]: when each certificate of a cluster expires, by its state and on its hosts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from automation.console import console
from automation.errors import UserError
from automation.operations import served_certificate
from automation.operations.remote import PARALLEL, Answer
from automation.operations.target import Target
from automation.signatures import reveal

_MADE = ("tls:index/selfSignedCert:SelfSignedCert", "tls:index/locallySignedCert:LocallySignedCert")
_SECONDS = 30
# Of each file the certificates alone: the kubelet keeps its key beside them.
_SCRIPT = """\
for file in /etc/kubernetes/pki/*.crt /etc/etcd/pki/*.crt /var/lib/kubelet/pki/*-current.pem; do
    [ -f "$file" ] || continue
    echo "= $file"
    inside=no
    while IFS= read -r line; do
        case $line in *"BEGIN CERTIFICATE"*) inside=yes ;; esac
        [ "$inside" = no ] || echo "$line"
        case $line in *"END CERTIFICATE"*) inside=no ;; esac
    done <"$file"
done
"""
_KUBELET = "/var/lib/kubelet/pki/"


@dataclass(frozen=True, slots=True)
class Row:
    """A certificate: its name, who signed it, when it ends, where it is, what is wrong with that."""

    name: str
    authority: str
    expires: datetime
    where: tuple[str, ...] = ()
    note: str = ""


def certificates(target: Target, days: int) -> int:
    """Prints the report. Returns 1 when a certificate ends in fewer than `days`, or a host has another.

    Hosts that cannot be reached are named; their certificates are known by the state all the same.
    """
    target.engine.select()
    known = from_state(json.loads(target.engine.capture("stack export", "--show-secrets")))
    if not known:
        raise UserError(f"stack {target.stack}: no certificates yet; run `up` first")
    answers = target.remote.everywhere(target.hosts, _SCRIPT, timeout=_SECONDS)
    rows = joined(known, answers)
    rows += _served(target, known)
    now = datetime.now(UTC)
    console().print(table(rows, answers, days, now))
    return 1 if any(row.note or _left(row, now) < days for row in rows) else 0


def from_state(state: Mapping[str, Any]) -> dict[str, x509.Certificate]:
    """Every certificate that the engine made, by the certificate table's names."""
    resources = (state.get("deployment") or {}).get("resources") or []
    found: dict[str, x509.Certificate] = {}
    for resource in resources:
        # A copy that a replacement has still to delete is nobody's any more.
        if resource.get("type") not in _MADE or resource.get("delete"):
            continue
        pem = reveal((resource.get("outputs") or {}).get("certPem"))
        name = str(resource["urn"]).rpartition("::")[2].removeprefix("cluster-pki-")
        if isinstance(pem, str):
            found[name] = x509.load_pem_x509_certificate(pem.encode())
    return found


def joined(known: Mapping[str, x509.Certificate], answers: Mapping[str, Answer]) -> list[Row]:
    """The state's certificates with the hosts that have them, then those that hosts alone have."""
    places: dict[x509.Certificate, list[str]] = {certificate: [] for certificate in known.values()}
    others: list[Row] = []
    for host, answer in answers.items():
        for path, found in _files(answer.output) if answer.ok else ():
            for certificate in found:
                if certificate in places:
                    places[certificate] += [host] if host not in places[certificate] else []
                else:
                    others.append(_other(host, path, certificate))
    rows = [
        Row(name, _issuer(certificate), certificate.not_valid_after_utc, tuple(places[certificate]))
        for name, certificate in known.items()
    ]
    return sorted(rows, key=lambda row: row.expires) + sorted(others, key=lambda row: row.expires)


def table(rows: Sequence[Row], answers: Mapping[str, Answer], days: int, now: datetime) -> RenderableType:
    """The report as people read it."""
    grid = Table("certificate", "signed by", "expires", "days", "where", "", title="Certificates")
    grid.title_justify = "left"
    for row in rows:
        left = _left(row, now)
        style = "red" if row.note or left < days else ""
        where = ", ".join(row.where) or "not on hosts"
        grid.add_row(
            row.name, row.authority, f"{row.expires:%Y-%m-%d}", str(left), where, row.note, style=style
        )
    lines: list[RenderableType] = [grid]
    for host, answer in answers.items():
        if not answer.ok:
            lines.append(Text(f"{host}: not asked what it has: {answer.reason}", style="yellow"))
    soon = [row.name for row in rows if _left(row, now) < days]
    if soon:
        lines.append(Text(f"in fewer than {days} days: {', '.join(soon)}", style="red"))
        lines.append(Text("raise certificates.leaves in the stack file (an authority: docs/certificates.md)"))
    return Group(*lines)


def _served(target: Target, known: Mapping[str, x509.Certificate]) -> list[Row]:
    """What API servers really show: a row for each that shows another certificate than the state has."""
    trusted = [certificate for name, certificate in known.items() if name.startswith("kubernetes-ca")]
    planes = target.topology.control_planes
    with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
        shown = pool.map(
            lambda plane: served_certificate.certificate(str(plane.address), 6443, trusted), planes
        )
        pairs = list(zip(planes, shown, strict=True))
    rows = []
    for plane, certificate in pairs:
        name = f"apiserver-{plane.name}"
        if isinstance(certificate, x509.Certificate) and certificate != known.get(name):
            note = "is served, but is not the state's; run `up`, or restart kube-apiserver"
            rows.append(Row(name, _issuer(certificate), certificate.not_valid_after_utc, (plane.name,), note))
    return rows


def _files(output: str) -> Iterable[tuple[str, list[x509.Certificate]]]:
    for part in f"\n{output}".split("\n= ")[1:]:
        path, _, pems = part.partition("\n")
        if "BEGIN CERTIFICATE" in pems:
            yield path, x509.load_pem_x509_certificates(pems.encode())


def _other(host: str, path: str, certificate: x509.Certificate) -> Row:
    """A certificate that the engine did not make: the kubelet's own, or one that should not be there."""
    kubelet = path.startswith(_KUBELET)
    name = path.removeprefix(_KUBELET).removesuffix("-current.pem") if kubelet else path
    note = "" if kubelet else "is not the state's; run `up`, or `drift` for more"
    return Row(f"{name} of {host}", _issuer(certificate), certificate.not_valid_after_utc, (host,), note)


def _issuer(certificate: x509.Certificate) -> str:
    names = certificate.issuer.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return "itself" if certificate.issuer == certificate.subject else str(names[0].value)


def _left(row: Row, now: datetime) -> int:
    return (row.expires - now).days
