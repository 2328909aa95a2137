"""Tests of configuration keys that only the driver supports."""

from __future__ import annotations

from pathlib import Path

import pytest

from settings.driver_keys import DriverKeyError, refuse_base, refuse_hosts_file
from settings.problem import SettingsError


def test_base_without_the_driver_is_an_error_with_the_command_to_run() -> None:
    refuse_base(None, "prod")
    with pytest.raises(SettingsError, match="kubewright:base: only kubewright merges bases") as error:
        refuse_base("Pulumi.base.yaml", "prod")
    assert "`./kubewright up --stack prod`" in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_hosts_file_of_the_driver_is_accepted(tmp_path: Path) -> None:
    work, checkout = tmp_path / "work", tmp_path / "checkout"
    for directory in (work, checkout):
        directory.mkdir()
    (work / "program").symlink_to(checkout)
    refuse_hosts_file(None, checkout, "prod")
    refuse_hosts_file(str(work / "hosts.json"), checkout, "prod")


@pytest.mark.parametrize("file", ["checkout/hosts.json", "other/hosts.json", "hosts.json"])
def test_any_other_hosts_file_is_an_error(tmp_path: Path, file: str) -> None:
    with pytest.raises(DriverKeyError, match="kubewright:hosts-file: only kubewright sets this key"):
        refuse_hosts_file(str(tmp_path / file), tmp_path / "checkout", "prod")
