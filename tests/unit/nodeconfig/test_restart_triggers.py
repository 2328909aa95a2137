"""Tests of the changes of a unit or a watched file that restart a service, even after an upgrade from an
earlier version.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from nodeconfig.bundle import Bundle, File, Service
from testkit.host import PROGRAM, EmulatedHost
from topology.model import Role

UNIT = "/etc/systemd/system/a.service"
HELPER = "/etc/systemd/system/a-helper.service"
SCRIPT = "/usr/local/lib/kubewright/a-prepare"
UNIT_TEXT = "[Unit]\nDescription=A\nWants=a-helper.service\n\n[Service]\nExecStart=/bin/a \\\n  --flag\n"
SCRIPT_TEXT = "#!/bin/sh\n# Prepares.\nset -eu\nx=1 # one\n"


@pytest.fixture(params=["dash", "bash"])
def host(tmp_path: Path, request: pytest.FixtureRequest) -> EmulatedHost:
    return EmulatedHost(tmp_path, str(request.param))


def bundle(unit: str = UNIT_TEXT, script: str = SCRIPT_TEXT, *more: File) -> Bundle:
    return Bundle(
        role=Role.NODE,
        program=PROGRAM,
        files=(File(UNIT, unit), File(SCRIPT, script, mode=0o755), *more),
        secrets=(),
        artifacts=(),
        services=(Service("a.service", restart_on=(SCRIPT,), timeout=2),),
    )


def deliver_and_list_calls(host: EmulatedHost, bundle_to_deliver: Bundle) -> list[str]:
    result = host.deliver(bundle_to_deliver)
    assert result.returncode == 0, result.stderr
    return host.calls()


def write_earlier_record(host: EmulatedHost) -> None:
    """Write the record of a service in the format of earlier versions, with digests of whole files."""
    digests = []
    for path in (UNIT, SCRIPT):
        content = sha256(host.path(path).read_bytes()).hexdigest()
        digests.append(sha256(f"{path} {content}  -\n".encode()).hexdigest())
    host.path("/var/lib/kubewright/services/a.service").write_text("  - ".join(digests) + "  -\n")


UNIT_CHANGES_WITHOUT_RESTART = {
    "description": UNIT_TEXT.replace("=A\n", "=Another\n"),
    "dependency": UNIT_TEXT.replace("a-helper", "b-helper"),
}
UNIT_CHANGES_WITH_RESTART = {
    "flag": UNIT_TEXT.replace("--flag", "--other"),
    "setting": UNIT_TEXT + "User=a\n",
}


@pytest.mark.parametrize("unit", UNIT_CHANGES_WITHOUT_RESTART.values(), ids=UNIT_CHANGES_WITHOUT_RESTART)
@pytest.mark.parametrize("earlier_release", [False, True], ids=["this-release", "earlier-release"])
def test_a_change_of_the_section_unit_restarts_nothing(
    host: EmulatedHost, unit: str, *, earlier_release: bool
) -> None:
    deliver_and_list_calls(host, bundle())
    if earlier_release:
        write_earlier_record(host)
    assert deliver_and_list_calls(host, bundle(unit)) == ["daemon-reload"]
    assert host.path(UNIT).read_text() == unit
    assert deliver_and_list_calls(host, bundle(unit)) == []


@pytest.mark.parametrize("earlier_release", [False, True], ids=["this-release", "earlier-release"])
def test_a_changed_comment_of_a_watched_program_restarts_nothing(
    host: EmulatedHost, *, earlier_release: bool
) -> None:
    deliver_and_list_calls(host, bundle())
    if earlier_release:
        write_earlier_record(host)
    changed = SCRIPT_TEXT.replace("# Prepares.", "# Other words.").replace("# one", "# another")
    assert deliver_and_list_calls(host, bundle(script=changed)) == ["daemon-reload"]


@pytest.mark.parametrize("unit", UNIT_CHANGES_WITH_RESTART.values(), ids=UNIT_CHANGES_WITH_RESTART)
@pytest.mark.parametrize("earlier_release", [False, True], ids=["this-release", "earlier-release"])
def test_other_changes_of_the_unit_restart_its_service(
    host: EmulatedHost, unit: str, *, earlier_release: bool
) -> None:
    deliver_and_list_calls(host, bundle())
    if earlier_release:
        write_earlier_record(host)
    assert "restart a.service" in deliver_and_list_calls(host, bundle(unit))


@pytest.mark.parametrize("earlier_release", [False, True], ids=["this-release", "earlier-release"])
def test_changed_code_of_a_watched_program_restarts_its_service(
    host: EmulatedHost, *, earlier_release: bool
) -> None:
    deliver_and_list_calls(host, bundle())
    if earlier_release:
        write_earlier_record(host)
    assert "restart a.service" in deliver_and_list_calls(
        host, bundle(script=SCRIPT_TEXT.replace("x=1", "x=2"))
    )


def test_a_restart_that_an_earlier_version_missed_is_repeated(host: EmulatedHost) -> None:
    deliver_and_list_calls(host, bundle())
    write_earlier_record(host)
    host.path(UNIT).write_text(UNIT_TEXT + "User=interrupted\n")
    assert "restart a.service" in deliver_and_list_calls(host, bundle(UNIT_TEXT + "User=interrupted\n"))


def test_a_renamed_helper_unit_is_stopped_and_removed(host: EmulatedHost) -> None:
    """The list of services does not contain a helper unit, because the service of the helper starts it."""
    new = replace(File(HELPER, "[Service]\n"), path=HELPER.replace("a-helper", "b-helper"))
    deliver_and_list_calls(host, bundle(UNIT_TEXT, SCRIPT_TEXT, File(HELPER, "[Service]\n")))
    calls = deliver_and_list_calls(host, bundle(UNIT_TEXT.replace("a-helper", "b-helper"), SCRIPT_TEXT, new))
    assert calls == ["disable a-helper.service", "daemon-reload"]
    assert not host.path(HELPER).exists()
    assert host.path(new.path).exists()
