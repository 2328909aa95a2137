"""Tests of lab stacks with virtual machines."""

from __future__ import annotations

from pathlib import Path

import pytest

from automation.errors import UserError
from automation.lab_stack import lab_requirements
from testkit import stackfile


def virtual_hosts(**lab: object) -> dict[str, bool]:
    """Return for each host whether it is a virtual machine. `lab` has settings of `kubewright:lab`."""
    config = stackfile.document("unit", "10.9.0.0/24", control_planes=["cp-1"], workers=["w-1", "w-2"])
    config[stackfile.LAB] |= lab
    requirements = lab_requirements("unit", config, Path("/mirror"))
    assert requirements is not None
    return {host.name: host.virtual for host in requirements.lab.hosts}


def test_listed_hosts_are_virtual_machines() -> None:
    assert virtual_hosts() == {"cp-1": False, "w-1": False, "w-2": False}
    assert virtual_hosts(virtual=["w-2"]) == {"cp-1": False, "w-1": False, "w-2": True}


@pytest.mark.parametrize(
    ("lab", "message"),
    [
        ({"virtual": "w-1"}, "virtual: 'w-1': expected a list of names of hosts"),
        ({"virtual": [1]}, r"virtual: \[1\]: expected a list of names of hosts"),
        ({"virtual": ["w-1", "w-9"]}, "virtual: w-9: no such host; the inventory has: cp-1, w-1, w-2"),
        ({"virtual": ["w-1"], "cloud": "aws"}, "virtual: hosts of an emulated cloud are containers; remove"),
        ({"vrtual": ["w-1"]}, "expected a mapping with `network` and"),
    ],
)
def test_wrong_lists_are_refused(lab: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        virtual_hosts(**lab)
