"""Tests of which changes of a unit or a watched file restart its service, also on hosts of earlier
releases.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from nodeconfig.bundle import Bundle, File, Service
from testkit.host import PROGRAM, Host
from topology.model import Role

UNIT = "/etc/systemd/system/a.service"
HELPER = "/etc/systemd/system/a-helper.service"
SCRIPT = "/usr/local/lib/kubewright/a-prepare"
UNIT_TEXT = "[Unit]\nDescription=A\nWants=a-helper.service\n\n[Service]\nExecStart=/bin/a \\\n  --flag\n"
SCRIPT_TEXT = "#!/bin/sh\n# Prepares.\nset -eu\nx=1 # one\n"


@pytest.fixture(params=["dash", "bash"])
def host(tmp_path: Path, request: pytest.FixtureRequest) -> Host:
    return Host(tmp_path, str(request.param))


def bundle(unit: str = UNIT_TEXT, script: str = SCRIPT_TEXT, *more: File) -> Bundle:
    return Bundle(
        role=Role.NODE,
        program=PROGRAM,
        files=(File(UNIT, unit), File(SCRIPT, script, mode=0o755), *more),
        secrets=(),
        artifacts=(),
        services=(Service("a.service", restart_on=(SCRIPT,), timeout=2),),
    )


def deliver(host: Host, wanted: Bundle) -> list[str]:
    result = host.deliver(wanted)
    assert result.returncode == 0, result.stderr
    return host.calls()


def record_as_before(host: Host) -> None:
    """Replace the record with the format of earlier releases: digests of whole files."""
    digests = []
    for path in (UNIT, SCRIPT):
        content = sha256(host.path(path).read_bytes()).hexdigest()
        digests.append(sha256(f"{path} {content}  -\n".encode()).hexdigest())
    host.path("/var/lib/kubewright/services/a.service").write_text("  - ".join(digests) + "  -\n")


SAME = {
    "description": UNIT_TEXT.replace("=A\n", "=Another\n"),
    "dependency": UNIT_TEXT.replace("a-helper", "b-helper"),
}
OTHER = {
    "flag": UNIT_TEXT.replace("--flag", "--other"),
    "setting": UNIT_TEXT + "User=a\n",
}


@pytest.mark.parametrize("unit", SAME.values(), ids=SAME)
@pytest.mark.parametrize("earlier", [False, True], ids=["this-release", "earlier-release"])
def test_a_change_of_the_section_unit_restarts_nothing(host: Host, unit: str, *, earlier: bool) -> None:
    deliver(host, bundle())
    if earlier:
        record_as_before(host)
    assert deliver(host, bundle(unit)) == ["daemon-reload"]
    assert host.path(UNIT).read_text() == unit
    assert deliver(host, bundle(unit)) == []


@pytest.mark.parametrize("earlier", [False, True], ids=["this-release", "earlier-release"])
def test_a_changed_comment_of_a_watched_program_restarts_nothing(host: Host, *, earlier: bool) -> None:
    deliver(host, bundle())
    if earlier:
        record_as_before(host)
    changed = SCRIPT_TEXT.replace("# Prepares.", "# Other words.").replace("# one", "# another")
    assert deliver(host, bundle(script=changed)) == ["daemon-reload"]


@pytest.mark.parametrize("unit", OTHER.values(), ids=OTHER)
@pytest.mark.parametrize("earlier", [False, True], ids=["this-release", "earlier-release"])
def test_other_changes_of_the_unit_restart_its_service(host: Host, unit: str, *, earlier: bool) -> None:
    deliver(host, bundle())
    if earlier:
        record_as_before(host)
    assert "restart a.service" in deliver(host, bundle(unit))


@pytest.mark.parametrize("earlier", [False, True], ids=["this-release", "earlier-release"])
def test_changed_code_of_a_watched_program_restarts_its_service(host: Host, *, earlier: bool) -> None:
    deliver(host, bundle())
    if earlier:
        record_as_before(host)
    assert "restart a.service" in deliver(host, bundle(script=SCRIPT_TEXT.replace("x=1", "x=2")))


def test_a_restart_that_an_earlier_release_missed_is_not_forgotten(host: Host) -> None:
    deliver(host, bundle())
    record_as_before(host)
    host.path(UNIT).write_text(UNIT_TEXT + "User=interrupted\n")
    assert "restart a.service" in deliver(host, bundle(UNIT_TEXT + "User=interrupted\n"))


def test_a_renamed_helper_unit_is_stopped_and_removed(host: Host) -> None:
    """The list of services does not contain a helper unit, because the service of the helper starts it."""
    new = replace(File(HELPER, "[Service]\n"), path=HELPER.replace("a-helper", "b-helper"))
    deliver(host, bundle(UNIT_TEXT, SCRIPT_TEXT, File(HELPER, "[Service]\n")))
    calls = deliver(host, bundle(UNIT_TEXT.replace("a-helper", "b-helper"), SCRIPT_TEXT, new))
    assert calls == ["disable a-helper.service", "daemon-reload"]
    assert not host.path(HELPER).exists()
    assert host.path(new.path).exists()
