"""Fixtures with the facts that hosts of a small cluster report when they are as delivered."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from automation.operations.cis.facts import ETCD_CA, KUBERNETES_CA, CisFacts, FileFact, parse_arguments
from nodeconfig import bundles
from nodeconfig.bundle import Bundle, File, SecretFile
from testkit.bundles import FakeIndex, cluster
from topology.model import Topology

API = "kube-apiserver"
WRITTEN_BY_SERVICES = (
    FileFact("/var/lib/kubelet/kubeconfig", 0o600, "root:root"),
    FileFact("/etc/cni/net.d/10-kubewright.conflist", 0o600, "root:root"),
    FileFact("/var/lib/cni/networks/kubewright/lock", 0o600, "root:root"),
)
"""Files of nodes that no bundle contains."""
_COMMAND = re.compile(r"^ExecStart=((?:.*\\\n)*.*)$", re.MULTILINE)


def files_of(bundle: Bundle) -> Iterator[FileFact]:
    """Yield the files and directories of a bundle."""
    items: list[File | SecretFile] = [*bundle.files, *bundle.secrets, *bundle.directories]
    for item in items:
        yield FileFact(item.path, item.mode, item.owner)


def flags_of(bundle: Bundle) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the flags of each service of a bundle, by the name of its program."""
    for file in bundle.files:
        if file.path.endswith(".service") and (match := _COMMAND.search(file.content)):
            words = match[1].replace("\\\n", "").split()
            yield words[0].rpartition("/")[2], parse_arguments(words)


def delivered_facts(topology: Topology) -> dict[str, CisFacts]:
    """Return the facts of all hosts of a cluster that are as delivered."""
    facts: dict[str, CisFacts] = {}
    delivered = bundles(topology, FakeIndex())
    for machine in topology.machines:
        roles = [bundle for (host, _), bundle in delivered.items() if host == machine.name]
        files = [file for bundle in roles for file in files_of(bundle)]
        paths = {file.path for file in files}
        facts[machine.name] = CisFacts(
            files=(*dict.fromkeys(files), *(WRITTEN_BY_SERVICES if "/var/lib/kubelet" in paths else ())),
            flags=dict(entry for bundle in roles for entry in flags_of(bundle)),
            configurations={
                file.path: json.loads(file.content)
                for bundle in roles
                for file in bundle.files
                if file.path.endswith(".json")
            },
            digests={path: path for path in (ETCD_CA, KUBERNETES_CA) if path in paths},
            providers=(("secretbox", "identity"),) if "/etc/kubernetes/pki/encryption.yaml" in paths else (),
        )
    return facts


def with_flag(facts: CisFacts, process: str, **flags: str | None) -> CisFacts:
    """Return facts of a host whose process has other flags; a flag without a value is not set."""
    changed = {name.replace("_", "-"): value for name, value in flags.items()}
    merged = {**facts.flags[process], **changed}
    kept = {name: value for name, value in merged.items() if value is not None}
    return replace(facts, flags={**facts.flags, process: kept})


@pytest.fixture(scope="session")
def topology() -> Topology:
    """Return a cluster with a control plane, two workers, and etcd on three other hosts."""
    return cluster(etcd=3)


@pytest.fixture(scope="session")
def hosts(topology: Topology) -> dict[str, CisFacts]:
    return delivered_facts(topology)
