"""A machine of emulated AWS for tests."""

from __future__ import annotations

from lab.cloud.running import RunningMachine

MACHINE = RunningMachine(
    id="i-1",
    host="a",
    address="10.0.0.10",
    hostname="ip-10-0-0-10",
    zone="eu-central-1a",
    region="eu-central-1",
    identity="role",
    group="a",
)
