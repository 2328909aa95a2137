"""Tests of invalid configurations and their errors. The files wrong_*.py contain the configurations."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from settings import SettingsError, load
from tests.unit.settings.support import HIGHLY_AVAILABLE, REMOVE, TWO_WORKERS, InvalidSettings, with_edits
from tests.unit.settings.wrong_addons import ADDONS
from tests.unit.settings.wrong_api import API
from tests.unit.settings.wrong_architectures import ARCHITECTURES
from tests.unit.settings.wrong_authentication import AUTHENTICATION
from tests.unit.settings.wrong_authorization import AUTHORIZATION
from tests.unit.settings.wrong_azure_pod_identities import AZURE_POD_IDENTITIES
from tests.unit.settings.wrong_capacity import CAPACITY
from tests.unit.settings.wrong_cert_manager import CERT_MANAGER
from tests.unit.settings.wrong_cilium import CILIUM
from tests.unit.settings.wrong_clouds import CLOUDS
from tests.unit.settings.wrong_dashboard import DASHBOARD
from tests.unit.settings.wrong_distribution import DISTRIBUTION, PULL_SECRETS
from tests.unit.settings.wrong_dns import DNS
from tests.unit.settings.wrong_encryption import ENCRYPTION
from tests.unit.settings.wrong_external_dns import EXTERNAL_DNS
from tests.unit.settings.wrong_extra_args import EXTRA_ARGS
from tests.unit.settings.wrong_file_storage import FILE_STORAGE
from tests.unit.settings.wrong_gpus import GPUS
from tests.unit.settings.wrong_grafana import GRAFANA
from tests.unit.settings.wrong_helm_releases import HELM_RELEASES
from tests.unit.settings.wrong_image_registries import IMAGE_REGISTRIES
from tests.unit.settings.wrong_ingress import INGRESS
from tests.unit.settings.wrong_keda import KEDA
from tests.unit.settings.wrong_logs import LOGS_AND_EVENTS
from tests.unit.settings.wrong_machines import MACHINES
from tests.unit.settings.wrong_metallb import METALLB
from tests.unit.settings.wrong_monitoring import MONITORING
from tests.unit.settings.wrong_network import NETWORK
from tests.unit.settings.wrong_pod_identities import POD_IDENTITIES
from tests.unit.settings.wrong_public_addresses import PUBLIC_ADDRESSES
from tests.unit.settings.wrong_regions import REGIONS
from tests.unit.settings.wrong_snapshots import SNAPSHOTS
from tests.unit.settings.wrong_storage import STORAGE
from tests.unit.settings.wrong_storage_drivers import STORAGE_DRIVERS
from tests.unit.settings.wrong_values import VALUES
from tests.unit.settings.wrong_velero import VELERO

MESSAGES = Path(__file__).parent / "messages.txt"
WRONG = (
    *(*VALUES, *MACHINES, *NETWORK, *CILIUM, *ADDONS, *CLOUDS, *DNS, *GPUS, *IMAGE_REGISTRIES),
    *(*POD_IDENTITIES, *AZURE_POD_IDENTITIES, *INGRESS, *METALLB, *PUBLIC_ADDRESSES, *CERT_MANAGER),
    *CAPACITY,
    *KEDA,
    *REGIONS,
    *HELM_RELEASES,
    *(*API, *ARCHITECTURES, *AUTHENTICATION, *AUTHORIZATION, *ENCRYPTION, *EXTRA_ARGS, *EXTERNAL_DNS),
    *STORAGE,
    *SNAPSHOTS,
    *STORAGE_DRIVERS,
    *FILE_STORAGE,
    *VELERO,
    *DASHBOARD,
    *GRAFANA,
    *LOGS_AND_EVENTS,
    *MONITORING,
    *(*DISTRIBUTION, *PULL_SECRETS),
)


_errors: dict[int, SettingsError] = {}
"""The errors of rows by their identity. Several tests read each of them."""


def load_error(row: InvalidSettings) -> SettingsError:
    if id(row) not in _errors:
        with pytest.raises(SettingsError) as caught:
            load(with_edits(row.base, row.edits))
        _errors[id(row)] = caught.value
    return _errors[id(row)]


def matching_problems(row: InvalidSettings) -> list[str]:
    problems = load_error(row).problems
    return [str(problem) for problem in problems if problem.path == row.path and row.phrase in str(problem)]


@pytest.mark.parametrize("row", WRONG, ids=lambda row: f"{row.path or 'cluster'}: {row.phrase[:40]}")
def test_error_names_field_and_reason(row: InvalidSettings) -> None:
    problems = load_error(row).problems
    assert len(matching_problems(row)) == 1, (
        f"expected one problem of {row.path} with {row.phrase!r}, got:\n{load_error(row)}"
    )
    assert len(problems) == 1 + row.together_with, f"further problems:\n{load_error(row)}"
    assert all("\n" not in str(problem) for problem in problems)
    assert all(isinstance(problem.value, str) for problem in problems)


def test_all_messages_differ() -> None:
    lines = [line for row in WRONG for line in matching_problems(row)]
    assert len(WRONG) >= 40
    assert len(set(lines)) == len(lines)


def test_complete_messages_match_the_recorded_list() -> None:
    """`KUBEWRIGHT_UPDATE_MESSAGES=1` writes the list; review the difference before you commit the file."""
    lines = sorted({str(problem) for row in WRONG for problem in load_error(row).problems})
    text = "".join(f"{line}\n" for line in lines)
    if os.environ.get("KUBEWRIGHT_UPDATE_MESSAGES"):
        MESSAGES.write_text(text)
    assert text == MESSAGES.read_text()


@pytest.mark.parametrize("section", ["load_balancers", "control_planes"])
def test_several_control_planes_or_load_balancers_need_an_endpoint(section: str) -> None:
    names = {"load_balancers": ["lb-1", "lb-2"], "control_planes": ["cp-2", "cp-3"]}[section]
    single = with_edits(HIGHLY_AVAILABLE, {"endpoint": REMOVE, **{f"metal.hosts.{n}": REMOVE for n in names}})
    edits = {"load_balancers": REMOVE} if section == "load_balancers" else {"control_planes.hosts": ["cp-1"]}
    with pytest.raises(SettingsError, match=r"endpoint: missing; several control planes"):
        load(with_edits(single, edits))


def test_lines_begin_with_the_full_path() -> None:
    for row in WRONG:
        for problem in load_error(row).problems:
            assert re.match(r"kubewright:cluster[.:]", str(problem))


def test_all_problems_are_reported_at_once() -> None:
    """Loading reports mistakes of single fields and between fields, in every section of the settings."""
    edits = {
        "nam": "x",
        "network.pods": "10.89.0.0/16",
        "network.node_ports": "6443-6443",
        "kubernetes.version": "0.0.1",
        "pools.workers.labels": {"x y": ""},
        "pools.workers.taints": ["bad"],
        "metal.hosts.w-1.address": "here",
        "metal.hosts.w-2.address": "10.89.0.11",
        "etcd.hosts": ["cp-1", "w-1"],
        "helm_releases.web": {"chart": "nginx"},
    }
    with pytest.raises(SettingsError) as caught:
        load(with_edits(TWO_WORKERS, edits))
    assert [problem.path for problem in caught.value.problems] == [
        "etcd.hosts",
        "helm_releases.web.repository",
        "helm_releases.web.version",
        "kubernetes.version",
        "metal.hosts.w-1.address",
        "metal.hosts.w-2.address",
        "nam",
        "network.node_ports",
        "network.pods",
        "pools.workers.labels",
        "pools.workers.taints[0]",
    ]


def test_each_invalid_item_of_a_list_is_reported() -> None:
    with pytest.raises(SettingsError) as caught:
        load(with_edits(TWO_WORKERS, {"pools.workers.taints": [f"bad-{number}" for number in range(12)]}))
    assert len(caught.value.problems) == 12
