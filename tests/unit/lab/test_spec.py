"""Tests of the spec of a lab: its errors, and the names and addresses that follow from the spec."""

import json
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import network, spec
from lab.errors import LabError
from lab.paths import LabPaths, check_name


def description(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """Return the description of a lab as plain data. `changes` replace single keys."""
    hosts = [
        {"name": "cp-1", "address": "10.9.0.11", "memory": 2**31},
        {"name": "w-1", "address": "10.9.0.21"},
    ]
    return {"name": "one", "network": "10.9.0.0/24", "hosts": hosts} | changes


def read(tmp_path: Path, content: object) -> spec.LabSpec:
    """Write data to a JSON file and read the file as a spec."""
    path = tmp_path / "lab.json"
    path.write_text(json.dumps(content))
    return spec.read(path)


def test_written_spec_reads_back(tmp_path: Path) -> None:
    first = read(tmp_path, description(mirror="/srv/mirror"))
    spec.write(first, tmp_path / "again.json")
    assert spec.read(tmp_path / "again.json") == first


def test_addresses_follow_from_the_network(tmp_path: Path) -> None:
    lab = read(tmp_path, description())
    assert lab.gateway == IPv4Address("10.9.0.1")
    assert lab.machine == IPv4Address("10.9.0.254")
    assert lab.mirror_url == "https://10.9.0.1:8080"
    assert lab.registry_url == "https://10.9.0.1:5000"


@pytest.mark.parametrize(
    ("changes", "phrase"),
    [
        ({"name": "Big"}, "name"),
        ({"name": "a.b"}, "name"),
        ({"name": "x" * 31}, "name"),
        ({"netwrok": "10.9.0.0/24"}, "netwrok"),
        ({"network": "10.9.0.5/24"}, "network"),
        ({"network": "8.8.8.0/24"}, "private range"),
        ({"network": "169.254.169.0/24"}, "private range"),
        ({"network": "10.9.0.0/30", "hosts": [{"name": "a", "address": "10.9.0.2"}]}, "between /16 and /29"),
        ({"hosts": []}, "hosts"),
        (
            {"hosts": [{"name": "a", "address": "10.9.1.2"}]},
            "hosts.0 (a).address: 10.9.1.2 is not in 10.9.0.0/24",
        ),
        ({"hosts": [{"name": "a", "address": "10.9.0.1"}]}, "taken by the gateway"),
        ({"hosts": [{"name": "a", "address": "10.9.0.254"}]}, "taken by the machine"),
        ({"hosts": [{"name": "a", "address": "10.9.0.255"}]}, "broadcast"),
        ({"hosts": [{"name": "a", "address": "10.9.0.2", "memory": 1}]}, "hosts.0.memory"),
        ({"hosts": [{"name": "_gateway", "address": "10.9.0.2"}]}, "hosts.0.name"),
        ({"mirror": "here"}, "mirror: here must be an absolute path"),
    ],
)
def test_error_names_the_wrong_field(tmp_path: Path, changes: dict[str, Any], phrase: str) -> None:
    with pytest.raises(LabError) as caught:
        read(tmp_path, description(**changes))
    assert phrase in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_problems_are_reported_together(tmp_path: Path) -> None:
    hosts = [{"name": "a", "address": "10.9.0.2"}, {"name": "a", "address": "10.9.0.2"}]
    with pytest.raises(LabError) as caught:
        read(tmp_path, description(hosts=hosts, network="10.8.0.0/24"))
    assert "given twice" in str(caught.value)
    assert str(caught.value).count("is not in 10.8.0.0/24") == 2


def test_error_of_a_missing_or_broken_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="cannot be read"):
        spec.read(tmp_path / "none.json")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(LabError, match=r"broken\.json: Invalid JSON"):
        spec.read(tmp_path / "broken.json")


def test_error_of_an_unknown_host_lists_the_hosts(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="it has: cp-1, w-1"):
        read(tmp_path, description()).host("w-2")


names = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?", fullmatch=True)


@given(lab=names, host=names, other_lab=names, other_host=names)
def test_no_two_hosts_share_a_namespace(lab: str, host: str, other_lab: str, other_host: str) -> None:
    same = (lab, host) == (other_lab, other_host)
    assert (network.host_namespace(lab, host) == network.host_namespace(other_lab, other_host)) is same


def test_joined_names_stay_distinct() -> None:
    assert network.host_namespace("a", "b-c") != network.host_namespace("a-b", "c")


@given(lab=names)
def test_link_names_fit_linux(lab: str) -> None:
    assert len(spec.link_name(lab)) <= 15


@given(lab=names, owner=names)
def test_hardware_addresses_are_local_and_unique(lab: str, owner: str) -> None:
    octets = network.hardware_address(lab, owner).split(":")
    assert len(octets) == 6
    assert int(octets[0], 16) & 0b11 == 0b10  # locally administered, not multicast


@pytest.mark.parametrize("name", ["", "..", "a/b", "/etc", "a.b", "-a", "a\n", "x" * 31])
def test_names_outside_the_state_directory_are_refused(name: str) -> None:
    with pytest.raises(LabError, match="no name of a lab"):
        check_name(name)
    with pytest.raises(LabError):
        LabPaths.of(name)
