"""The `certificates` command [B3]: shows the expiry of each certificate in the state and on the hosts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from automation.console import console
from automation.engine.state import resources_of
from automation.errors import UserError
from automation.operations import served_certificate
from automation.operations.certificate_files import (
    KUBELET_PKI,
    DamagedFile,
    damage_problem,
    parse_certificates,
)
from automation.operations.remote import PARALLEL, ScriptResult
from automation.operations.target import Target
from automation.signatures import reveal
from topology.ports import API_PORT

_CERTIFICATE_TYPES = (
    "tls:index/selfSignedCert:SelfSignedCert",
    "tls:index/locallySignedCert:LocallySignedCert",
)
_TIMEOUT_SECONDS = 30
# Print only the certificates of each file, because a file of the kubelet also contains its private key.
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


@dataclass(frozen=True, slots=True)
class CertificateRow:
    """A row of the report: a certificate, its authority, its expiry, its hosts and a problem."""

    name: str
    authority: str
    expires: datetime
    hosts: tuple[str, ...] = ()
    problem: str = ""


def certificates(target: Target, days: int) -> int:
    """Print a table of all certificates of the cluster. Return 0, or 1 when a certificate has a problem.

    A problem is an expiry in fewer than `days` days, or a difference between a host and the state.

    A line below the table names each unreachable host. The certificates of such a host are shown as the state
    records them.
    """
    target.engine.select()
    expected = certificates_in_state(target.engine.export_state())
    if not expected:
        raise UserError(f"stack {target.stack}: no certificates yet; run `up` first")
    results = target.remote.run_on_all(target.hosts, _SCRIPT, timeout=_TIMEOUT_SECONDS)
    rows = merge_rows(expected, results)
    rows += _differing_server_certificates(target, expected)
    now = datetime.now(UTC)
    console().print(certificate_table(rows, results, days, now))
    damaged = any(_damage_problems(results))
    return 1 if damaged or any(row.problem or _days_left(row, now) < days for row in rows) else 0


def certificates_in_state(state: Mapping[str, Any]) -> dict[str, x509.Certificate]:
    """Return every certificate in the exported state, by its name in the table of `topology.certificates`."""
    certificates: dict[str, x509.Certificate] = {}
    for resource in resources_of(state):
        # The certificate was replaced by a new copy, and the engine has yet to delete this copy.
        if resource.get("type") not in _CERTIFICATE_TYPES or resource.get("delete"):
            continue
        pem = reveal((resource.get("outputs") or {}).get("certPem"))
        name = str(resource["urn"]).rpartition("::")[2].removeprefix("cluster-pki-")
        if isinstance(pem, str):
            certificates[name] = x509.load_pem_x509_certificate(pem.encode())
    return certificates


def merge_rows(
    expected: Mapping[str, x509.Certificate], results: Mapping[str, ScriptResult]
) -> list[CertificateRow]:
    """Return the certificates of the state with their hosts, then the certificates that exist only on
    hosts.
    """
    hosts_of: dict[x509.Certificate, list[str]] = {certificate: [] for certificate in expected.values()}
    unmatched_rows: list[CertificateRow] = []
    for host, result in results.items():
        for path, certificates in _parse_certificate_files(result.output) if result.ok else ():
            for certificate in certificates:
                if certificate in hosts_of:
                    hosts_of[certificate] += [host] if host not in hosts_of[certificate] else []
                else:
                    unmatched_rows.append(_unmatched_certificate_row(host, path, certificate))
    rows = [
        CertificateRow(
            name, _issuer(certificate), certificate.not_valid_after_utc, tuple(hosts_of[certificate])
        )
        for name, certificate in expected.items()
    ]
    return sorted(rows, key=lambda row: row.expires) + sorted(unmatched_rows, key=lambda row: row.expires)


def certificate_table(
    rows: Sequence[CertificateRow], results: Mapping[str, ScriptResult], days: int, now: datetime
) -> RenderableType:
    """Return a table of the certificates, followed by lines about unreachable hosts, damaged files and near
    expiries.
    """
    table = Table("certificate", "signed by", "expires", "days", "hosts", "problem", title="Certificates")
    table.title_justify = "left"
    for row in rows:
        left = _days_left(row, now)
        style = "red" if row.problem or left < days else ""
        hosts = ", ".join(row.hosts) or "not on hosts"
        table.add_row(
            row.name, row.authority, f"{row.expires:%Y-%m-%d}", str(left), hosts, row.problem, style=style
        )
    lines: list[RenderableType] = [table]
    for host, result in results.items():
        if not result.ok:
            lines.append(Text(f"{host}: certificates not read: {result.reason}", style="yellow"))
    lines += (Text(problem, style="red") for problem in _damage_problems(results))
    soon = [row.name for row in rows if _days_left(row, now) < days]
    if soon:
        lines.append(Text(f"expire in fewer than {days} days: {', '.join(soon)}", style="red"))
        lines.append(
            Text("to renew them, increase certificates.leaves in the stack file; see docs/certificates.md")
        )
    return Group(*lines)


def _differing_server_certificates(
    target: Target, expected: Mapping[str, x509.Certificate]
) -> list[CertificateRow]:
    """Return a row for each API server that serves a certificate that differs from the state."""
    trusted = [certificate for name, certificate in expected.items() if name.startswith("kubernetes-ca")]
    planes = target.topology.control_planes
    with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
        served = pool.map(
            lambda plane: served_certificate.fetch_certificate(str(plane.node_address), API_PORT, trusted),
            planes,
        )
        pairs = list(zip(planes, served, strict=True))
    rows = []
    for plane, certificate in pairs:
        name = f"apiserver-{plane.name}"
        if isinstance(certificate, x509.Certificate) and certificate != expected.get(name):
            problem = "served, but not in the state; run `up`, or restart kube-apiserver"
            rows.append(
                CertificateRow(
                    name, _issuer(certificate), certificate.not_valid_after_utc, (plane.name,), problem
                )
            )
    return rows


def _damage_problems(results: Mapping[str, ScriptResult]) -> Iterator[str]:
    for host, result in results.items():
        for path, certificates in _parse_certificate_files(result.output) if result.ok else ():
            if not certificates:
                yield f"{host}: {damage_problem(host, path)}"


def _parse_certificate_files(output: str) -> Iterable[tuple[str, list[x509.Certificate]]]:
    """Yield the path and the certificates of each file; no certificates for a damaged file."""
    for section in f"\n{output}".split("\n= ")[1:]:
        path, _, pems = section.partition("\n")
        try:
            yield path, parse_certificates(pems)
        except DamagedFile:
            yield path, []


def _unmatched_certificate_row(host: str, path: str, certificate: x509.Certificate) -> CertificateRow:
    """Return a row for a certificate that is not in the state: a kubelet certificate, or an unexpected
    certificate.
    """
    kubelet = path.startswith(KUBELET_PKI)
    name = path.removeprefix(KUBELET_PKI).removesuffix("-current.pem") if kubelet else path
    problem = "" if kubelet else "not in the state; run `up`, or `drift` for details"
    return CertificateRow(
        f"{name} of {host}", _issuer(certificate), certificate.not_valid_after_utc, (host,), problem
    )


def _issuer(certificate: x509.Certificate) -> str:
    names = certificate.issuer.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return "self-signed" if certificate.issuer == certificate.subject else str(names[0].value)


def _days_left(row: CertificateRow, now: datetime) -> int:
    return (row.expires - now).days
