"""A host fails without warning or is disconnected, or all lose power: acknowledged writes remain."""

from __future__ import annotations

import time

import pytest

from tests.faults.conftest import Note
from tests.faults.ha import Ha
from tests.faults.load import held, load

GAPS = {
    "active-balancer": 10,
    "standby-balancer": 2,
    "etcd-leader": 15,
    "control-plane": 15,
    "worker": 2,
}
"""The maximum number of seconds that writes may pause, by the role of the disturbed host."""
GONE_SECONDS = 45
"""The time that a killed host stays away: longer than every time-out that leads to it."""
CUT_SECONDS = 60


@pytest.mark.parametrize("role", GAPS)
def test_a_host_is_killed_and_comes_back(sound: Ha, note: Note, role: str) -> None:
    host = sound.by_role(role)
    with load(sound) as client:
        sound.stop_host(host)
        time.sleep(GONE_SECONDS)
        client.goes_on(timeout=30)
        sound.start_host(host)
        began = time.monotonic()
        sound.whole()
        note(host=host, whole_again=round(time.monotonic() - began, 1))
        held(client, sound, GAPS[role], note)


@pytest.mark.parametrize("role", GAPS)
def test_a_host_is_cut_off_for_a_minute(sound: Ha, note: Note, role: str) -> None:
    host = sound.by_role(role)
    with load(sound) as client:
        with sound.cut_off(host):
            time.sleep(CUT_SECONDS)
        began = time.monotonic()
        sound.whole()
        note(host=host, whole_again=round(time.monotonic() - began, 1))
        held(client, sound, GAPS[role], note)


def test_power_is_lost_on_all_hosts_at_once(sound: Ha, note: Note) -> None:
    with load(sound) as client:
        sound.power_cut(sound.hosts)
        sound.powered()
        began = time.monotonic()
        client.goes_on(timeout=240)
        served = time.monotonic() - began
        sound.whole()
        note(served_again=round(served, 1), whole_again=round(time.monotonic() - began, 1))
        client.stop()
        assert client.lost() == []
        assert client.report().stale == ()
