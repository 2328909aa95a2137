"""Tests of valid settings of Velero: schedules, defaults, placeholders and the file of an authority."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assembly import build_topology, velero_credentials
from settings import SettingsError, files, load
from settings.cron import validate_cron
from settings.secret_values import PLACEHOLDERS
from tests.unit.settings.support import TWO_WORKERS, with_edits
from tests.unit.settings.wrong_clouds import AWS, AZURE
from tests.unit.settings.wrong_velero import BLOB, S3, settings


def loaded(base: dict[str, Any] = TWO_WORKERS, /, **section: Any) -> Any:  # noqa: ANN401 - JSON
    return load(with_edits(base, {"addons.velero": settings(**section)}))


@pytest.mark.parametrize(
    "cron",
    ["*/15 * * * *", "0 0-6/2 1,15 jan-mar *", "30 2 * * MON", "0 3 * * sun,6", "@weekly", "@every 6h"],
)
def test_schedules_of_cron_are_valid(cron: str) -> None:
    assert validate_cron(cron) == cron


@pytest.mark.parametrize(
    "cron",
    [
        *("", "0 3 * *", "* * * * * *", "@reboot", "@every", "@every 6"),
        *("0 3 * * mon-", "0 3-1 * * *", "*/0 * * * *", "0 3/ * * *", "0,,1 3 * * *", "-1 3 * * *"),
        *("0 3 0 * *", "0 3 * 13 *", "0 3 * foo *", "\u0663 3 * * *"),
    ],
)
def test_other_texts_are_no_schedules(cron: str) -> None:
    with pytest.raises(ValueError, match=r"not a schedule|has no valid"):
        validate_cron(cron)


@pytest.mark.parametrize("suffix", [":v1.14.2", f"@sha256:{64 * 'a'}", f":v1.14.2@sha256:{64 * 'a'}"])
@pytest.mark.parametrize("name", ["velero/plugin", "registry.example:5000/velero/plugin"])
def test_image_of_a_plugin_has_a_tag_or_a_digest(name: str, suffix: str) -> None:
    velero = build_topology(loaded(aws_plugin=name + suffix)).velero
    assert velero is not None
    assert velero.aws_plugin == name + suffix
    with pytest.raises(SettingsError, match=r"aws_plugin: .*not an image with a tag or digest"):
        loaded(aws_plugin=name)


def test_location_has_defaults() -> None:
    velero = build_topology(loaded(schedules={"daily": {"cron": "@daily"}})).velero
    assert velero is not None
    (location,) = velero.locations
    assert (location.is_default, location.prefix, location.read_only) == (True, "velero/dev", False)
    (schedule,) = velero.schedules
    assert (schedule.location, schedule.ttl, schedule.namespaces) == ("offsite", "720h", ())


def test_locations_in_one_bucket_may_be_neighbors() -> None:
    neighbors = {name: {"s3": S3, "prefix": f"velero/{name}"} for name in ("dev", "dev-2")}
    other = {"other": {"azure_blob": BLOB, "prefix": "velero"}}
    assert loaded(locations=neighbors | other, default_location="dev")


@pytest.mark.parametrize("base", [AWS, AZURE])
def test_clouds_have_locations_with_keys(base: dict[str, Any]) -> None:
    assert build_topology(loaded(base)).velero is not None


@pytest.mark.parametrize("placeholder", sorted(PLACEHOLDERS))
def test_secrets_may_be_unknown(placeholder: str) -> None:
    """Checks without the passphrase load settings with placeholders."""
    places = {
        "offsite": {"s3": S3 | {"secret_access_key": placeholder}},
        "azure": {"azure_blob": BLOB | {"account_key": placeholder}},
    }
    known = loaded(
        locations=places, default_location="azure", node_agent=True, repository_password=placeholder
    )
    assert build_topology(known).velero is not None


def test_credentials_have_their_paths() -> None:
    known = loaded(locations={"a": {"s3": S3}, "b": {"azure_blob": BLOB}}, default_location="a")
    path = ("addons", "velero", "locations")
    assert {name: keys for name, (keys, _) in velero_credentials(known).items()} == {
        "a": (*path, "a", "s3", "secret_access_key"),
        "b": (*path, "b", "azure_blob", "account_key"),
    }


def test_file_of_an_authority_has_a_certificate(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    edits = {
        "addons.velero": settings(locations={"offsite": {"s3": S3 | {"ca_file": str(file)}}}),
        "metal.ssh": {"agent": True, "known_hosts_file": str(tmp_path / "known_hosts")},
    }
    (tmp_path / "known_hosts").write_text("")
    known = load(with_edits(TWO_WORKERS, edits))
    path = r"addons\.velero\.locations\.offsite\.s3\.ca_file"
    with pytest.raises(SettingsError, match=rf"{path}: .*cannot be read"):
        files.read_files(known, tmp_path)
    file.write_text("no certificate")
    with pytest.raises(SettingsError, match=rf"{path}: .*has no certificate"):
        files.read_files(known, tmp_path)
    file.write_text("-----BEGIN CERTIFICATE-----\n")
    assert files.read_files(known, tmp_path)[str(file)] == "-----BEGIN CERTIFICATE-----\n"


def test_chart_of_a_path_exists(tmp_path: Path) -> None:
    problems = files.find_missing(loaded(chart="./charts/velero"), tmp_path)
    assert "addons.velero.chart" in [problem.path for problem in problems]
