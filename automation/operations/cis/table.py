"""The table of checks of the CIS Kubernetes Benchmark, read from the YAML files of this directory.

The ids are those of the benchmark; the titles and reasons are Kubewright's. A check looks at files, flags,
keys of a configuration file, or calls one of the functions in `special.py` and `policies.py` (`judge`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict

from formats.documents import SAFE_LOADER
from nodeconfig.host_paths import CA, CIPHERS, ETCD_DATA, ETCD_PKI, KUBELET, KUBERNETES, PKI, SYSTEMD_UNITS

BENCHMARK = "CIS Kubernetes Benchmark 2.0.1"
"""The newest version. It covers Kubernetes 1.34 and 1.35, and has the checks of version 1.12."""
DEFAULT_WARNINGS = frozenset(
    (
        *("1.2.1", "1.2.9", "1.2.11", "3.1.1", "3.1.2", "3.1.3", "4.2.7"),
        *("5.1.7", "5.2.6", "5.2.7", "5.2.8", "5.2.9", "5.3.2", "5.4.2", "5.5.1", "5.6.1"),
    )
)
"""The checks that are warnings on a new cluster with default settings. All others pass."""
FILES = ("control-plane.yaml", "etcd.yaml", "node.yaml", "policies.yaml")
PATHS = {
    "units": SYSTEMD_UNITS,
    "kubernetes": KUBERNETES,
    "pki": PKI,
    "ca": CA,
    "kubelet": KUBELET,
    "etcd_data": ETCD_DATA,
    "etcd_pki": ETCD_PKI,
    "cni": "/etc/cni/net.d",
    "cni_addresses": "/var/lib/cni/networks",
}
"""Paths on a host by their names in braces in the table."""

Place = Literal["control-plane", "etcd", "node", "cluster"]
"""The role of the hosts that a check applies to; `cluster` for objects in the API."""
# The cipher suites of the benchmark. It names two of them without their last part.
_NAMES_WITHOUT_HASH = ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305")
_TLS_1_3 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
STRONG_CIPHERS = frozenset((*CIPHERS, *_NAMES_WITHOUT_HASH, *_TLS_1_3))


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Condition(_Model):
    """What a flag or key must be. The value of a list has its items separated by commas."""

    absent: bool = False
    """The flag or key is not set."""
    set: bool = False
    """The flag or key has a value that is not empty."""
    is_: str | None = None
    not_: tuple[str, ...] = ()
    """Values that are refused."""
    has: str = ""
    """An item that the list has."""
    lacks: str = ""
    """An item that the list does not have."""
    min: int | None = None
    starts: str = ""
    only: Literal["", "strong_ciphers"] = ""
    """The items that the list may have."""
    or_absent: bool = False
    """The default of Kubernetes is right too."""
    flag: str = ""
    """For a key: the flag that overrides it."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=lambda name: name.rstrip("_"), populate_by_name=True
    )


class Check(_Model):
    """A check of the benchmark.

    `process` is the program whose flags count, and `file` the configuration file whose `keys` count. A value
    that differs is a failure; with `warn` it is a warning with this reason. `looks_at` tells what the
    function `judge` looks at. A check with `manual` needs the judgment of a person, for this reason.
    """

    id: str
    title: str
    section: str
    where: Place
    process: str = ""
    file: str = ""
    files: tuple[str, ...] = ()
    mode: str = ""
    owner: str = ""
    flags: Mapping[str, Condition] = {}
    keys: Mapping[str, Condition] = {}
    judge: str = ""
    looks_at: str = ""
    argument: Any = None
    warn: str = ""
    manual: str = ""


class Section(_Model):
    """A section of the benchmark, with its checks in the order of their ids."""

    section: str
    title: str
    checks: tuple[Check, ...]


@cache
def sections() -> tuple[Section, ...]:
    """Return all sections, sorted by id."""
    found = [section for name in FILES for section in _read_sections(Path(__file__).parent / name)]
    return tuple(sorted(found, key=lambda section: section.section))


def checks() -> Iterator[Check]:
    """Yield all checks, sorted by id."""
    for section in sections():
        yield from section.checks


def patterns() -> tuple[str, ...]:
    """Return the patterns of all files that checks look at, without duplicates."""
    return tuple(dict.fromkeys(pattern for check in checks() for pattern in check.files))


def configuration_files() -> tuple[str, ...]:
    """Return the configuration files whose keys checks look at, without duplicates."""
    return tuple(dict.fromkeys(check.file for check in checks() if check.keys))


def _read_sections(path: Path) -> Iterator[Section]:
    for raw in yaml.load(path.read_text(), Loader=SAFE_LOADER):
        inherited = {key: raw[key] for key in ("section", "where", "process", "file") if key in raw}
        parsed = [Check.model_validate(_with_paths(inherited | check)) for check in raw["checks"]]
        yield Section(section=raw["section"], title=raw["title"], checks=tuple(parsed))


def _with_paths(check: Mapping[str, Any]) -> dict[str, Any]:
    """Return a check of the file with paths of hosts in place of their names in braces."""
    result = dict(check)
    if "file" in result:
        result["file"] = result["file"].format_map(PATHS)
    result["files"] = tuple(pattern.format_map(PATHS) for pattern in result.get("files", ()))
    return result
