"""Parses the facts that hosts report about themselves in the output of `probe.sh`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from automation.operations.certificate_files import DamagedFile, parse_certificates
from automation.operations.copy_facts import NO_TRIAL, CopyFact, TrialFact, parse_copies, parse_trial
from automation.operations.fsync_facts import parse_fsync
from automation.operations.sections import Section, parse_sections


@dataclass(frozen=True, slots=True)
class ServiceFact:
    """The state of a systemd unit. `messages` are the last log lines of a unit that is not active."""

    unit: str
    state: str
    result: str
    restarts: int
    messages: tuple[str, ...] = ()

    @property
    def active(self) -> bool:
        """Check whether the unit is active. A oneshot unit stays active after its run."""
        return self.state == "active"


@dataclass(frozen=True, slots=True)
class DiskFact:
    """The usage of a file system, identified by one of its directories.

    `used` and `inodes` are percentages; `available` is a number of bytes.
    """

    path: str
    used: int
    inodes: int
    available: int


@dataclass(frozen=True, slots=True)
class CertificateFact:
    """A certificate in a file of a host."""

    path: str
    subject: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class EtcdFact:
    """The state that an etcd member reports.

    `size` is the size of the database file and `used` the part in use, in bytes. `index` is the raft index.
    `snapshots` are names of files on the host. `copies` and `trial` are its records about copies in targets
    and trial restores. `members` contains pairs: the name, and whether the member is a learner. `fsync` is
    the 99th percentile of the duration of fsyncs in seconds; None if it is not known.
    """

    healthy: bool
    leader: bool
    version: str = ""
    size: int = 0
    used: int = 0
    index: int = 0
    alarms: tuple[str, ...] = ()
    members: tuple[tuple[str, bool], ...] = ()
    snapshots: tuple[str, ...] = ()
    copies: tuple[CopyFact, ...] = ()
    trial: TrialFact = NO_TRIAL
    fsync: float | None = None


@dataclass(frozen=True, slots=True)
class HostFacts:
    """The facts that a host reports about itself.

    `roles` contains pairs: the role, and whether its installation has finished. `time` is the clock
    of the host in seconds since 1970. `api` is the readiness output of its API server. `damaged_files` are
    paths of certificate files without complete certificates.
    """

    name: str = ""
    time: float = 0.0
    roles: tuple[tuple[str, bool], ...] = ()
    services: tuple[ServiceFact, ...] = ()
    disks: tuple[DiskFact, ...] = ()
    memory_total: int = 0
    memory_available: int = 0
    etcd: EtcdFact | None = None
    api: str | None = None
    certificates: tuple[CertificateFact, ...] = field(default=())
    damaged_files: tuple[str, ...] = ()

    @property
    def nearest_expiry(self) -> CertificateFact | None:
        """Return the certificate that expires first."""
        return min(self.certificates, key=lambda fact: fact.expires, default=None)


def parse_probe(output: str) -> HostFacts:
    """Return the facts in the output of `probe.sh`. Raise ValueError when the output is incomplete."""
    sections = parse_sections(output)
    first_sections = {section.name: section for section in reversed(sections)}
    memory = dict(line.split(maxsplit=1) for line in first_sections["memory"].lines)
    roles = (section.argument.split() for section in sections if section.name == "role")
    certificates, damaged_files = _parse_certificates(sections)
    return HostFacts(
        name=first_sections["name"].argument,
        time=float(first_sections["time"].argument),
        roles=tuple((role, state == "finished") for role, state in roles),
        services=tuple(_parse_service(section) for section in sections if section.name == "service"),
        disks=tuple(_parse_disk(line) for line in first_sections["disk"].lines),
        memory_total=int(memory.get("MemTotal:", 0)) * 1024,
        memory_available=int(memory.get("MemAvailable:", 0)) * 1024,
        etcd=_parse_etcd(first_sections) if "etcd-status" in first_sections else None,
        api=" ".join(first_sections["api"].lines) if "api" in first_sections else None,
        certificates=certificates,
        damaged_files=damaged_files,
    )


def _parse_service(section: Section) -> ServiceFact:
    properties = (
        "ActiveState",
        "SubState",
        "Result",
        "NRestarts",
        "ExecMainStatus",
        "ActiveEnterTimestampMonotonic",
    )
    values = {
        key: value for key, _, value in (line.partition("=") for line in section.lines) if key in properties
    }
    messages = tuple(line for line in section.lines if line.partition("=")[0] not in properties)
    restarts = values.get("NRestarts", "0")
    return ServiceFact(
        unit=section.argument,
        state=values.get("ActiveState", "unknown"),
        result=values.get("Result", ""),
        restarts=int(restarts) if restarts.isdigit() else 0,
        messages=messages,
    )


def _parse_disk(line: str) -> DiskFact:
    path, used, inodes, available = line.split()
    # The program df prints `-` for a file system without a fixed number of inodes.
    return DiskFact(path, _parse_percent(used), _parse_percent(inodes), int(available))


def _parse_percent(text: str) -> int:
    number = text.rstrip("%")
    return int(number) if number.isdigit() else 0


def _parse_etcd(first_sections: dict[str, Section]) -> EtcdFact:
    status = _parse_json(first_sections["etcd-status"].lines)
    health = _parse_json(first_sections["etcd-health"].lines)
    members = [
        item
        for part in _parse_json(first_sections["etcd-members"].lines)
        for item in part.get("members") or ()
    ]
    healthy = bool(health) and bool(health[0].get("health"))
    listed = tuple((str(item.get("name", "")), bool(item.get("isLearner"))) for item in members)
    names = tuple(line for line in first_sections["snapshots"].lines if line.endswith(".db"))
    copies = parse_copies(first_sections["snapshot-copies"].lines)
    trial = parse_trial(first_sections["snapshot-verified"].lines)
    if not status:
        return EtcdFact(
            healthy=healthy, leader=False, members=listed, snapshots=names, copies=copies, trial=trial
        )
    member_status = status[0]["Status"]
    return EtcdFact(
        healthy=healthy,
        leader=member_status.get("leader") == member_status["header"]["member_id"],
        version=member_status.get("version", ""),
        size=int(member_status.get("dbSize", 0)),
        used=int(member_status.get("dbSizeInUse", 0)),
        index=int(member_status.get("raftIndex", 0)),
        alarms=tuple(str(error) for error in member_status.get("errors") or ()),
        members=listed,
        snapshots=names,
        copies=copies,
        trial=trial,
        fsync=parse_fsync(first_sections["etcd-fsync"].lines),
    )


def _parse_json(lines: Sequence[str]) -> list[dict[str, Any]]:
    """Parse the JSON output of etcdctl into a list, which is empty for invalid JSON."""
    try:
        parsed = json.loads("\n".join(lines)) or []
    except json.JSONDecodeError:
        return []
    return parsed if isinstance(parsed, list) else [parsed]


def _parse_certificates(sections: Sequence[Section]) -> tuple[tuple[CertificateFact, ...], tuple[str, ...]]:
    """Return the certificates in the files of the host, and the paths of damaged files."""
    facts, damaged = list[CertificateFact](), list[str]()
    for section in sections:
        if section.name != "certificate":
            continue
        try:
            certificates = parse_certificates("\n".join(section.lines) + "\n")
        except DamagedFile:
            damaged.append(section.argument)
            continue
        facts += (
            CertificateFact(
                section.argument,
                certificate.subject.rfc4514_string(),
                certificate.not_valid_after_utc.astimezone(UTC),
            )
            for certificate in certificates
        )
    return tuple(facts), tuple(damaged)
