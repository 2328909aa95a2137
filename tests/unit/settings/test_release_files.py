"""Tests of the files that Helm releases name: certificate authorities and values."""

from __future__ import annotations

from pathlib import Path

import pytest

from settings import SettingsError, files, load
from settings.values_files import merge_values, parse_values
from tests.unit.settings.support import TWO_WORKERS, with_edits


def read_release_files(directory: Path, release: dict[str, object]) -> dict[str, str]:
    """Read the files of a cluster with one Helm release. The other files of the settings exist."""
    known_hosts = directory / "known_hosts"
    known_hosts.write_text("")
    edits = {"metal.ssh.known_hosts_file": str(known_hosts), "metal.ssh.private_key_file": str(known_hosts)}
    return files.read_files(load(with_edits(TWO_WORKERS, edits | {"helm_releases.web": release})), directory)


def test_authority_of_a_chart_repository_must_be_a_certificate(tmp_path: Path) -> None:
    repository = {"url": "https://charts.example", "ca_file": "charts.crt"}
    release: dict[str, object] = {"chart": "web", "version": "1.0.0", "repository": repository}
    path = r"helm_releases\.web\.repository\.ca_file"
    with pytest.raises(SettingsError, match=rf'{path}: "charts.crt": cannot be read: No such file'):
        read_release_files(tmp_path, release)
    (tmp_path / "charts.crt").write_text("no certificate")
    with pytest.raises(SettingsError, match=rf"{path}: .*has no certificate; give the PEM file"):
        read_release_files(tmp_path, release)
    (tmp_path / "charts.crt").write_text("-----BEGIN CERTIFICATE-----\n")
    assert "charts.crt" in read_release_files(tmp_path, release)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read: No such file or directory; create it or correct the path"),
        ("a: [1", "is not one YAML document near line 1; correct it"),
        ("a: 1\n---\nb: 2\n", "is not one YAML document near line 2; correct it"),
        ("- a\n", "is not a mapping; write the values of the chart as keys and values"),
        (
            "a:\n- {secure: v1}\n",
            r"a\[0\] is encrypted, but files of values are plain text; move it to values",
        ),
        ("a: {b: null}\n", "a.b is null, which Pulumi does not pass to Helm, .* give it a value, or remove"),
        ("a: {on: 1}\n", "the key True in a is not text; put quotes around it"),
        ("1: a\n", "the key 1 is not text; put quotes around it"),
        ("a: 2026-11-23\n", "a is a date; put quotes around it, or use text, numbers"),
        ("a: .inf\n", "a is not a finite number; use text, numbers"),
    ],
)
def test_wrong_files_of_values_are_reported(tmp_path: Path, text: str | None, message: str) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "empty.yaml").touch()
    if text is not None:
        (tmp_path / "web.yaml").write_text(text)
    path = r'kubewright:cluster\.helm_releases\.web\.values_files\[1\]: "web\.yaml": '
    with pytest.raises(SettingsError, match=f"^{path}{message}") as caught:
        read_release_files(tmp_path, {"chart": "./web", "values_files": ["empty.yaml", "web.yaml"]})
    assert len(caught.value.problems) == 1


def test_values_of_all_allowed_types_are_read() -> None:
    text = "a: &a [1, 2.5, true, text, {b: ''}]\nc: *a\n"
    values = [1, 2.5, True, "text", {"b": ""}]
    assert parse_values(text) == {"a": values, "c": values}


def test_empty_file_has_no_values() -> None:
    assert parse_values("# no values\n") == {}


@pytest.mark.parametrize(
    ("lower", "upper", "merged"),
    [
        ({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}}, {"a": {"b": 1, "c": 3}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"b": 1}}, {"a": "text"}, {"a": "text"}),
        ({"a": "text"}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": True, "b": 5, "c": "x"}, {"a": False, "b": 0, "c": ""}, {"a": False, "b": 0, "c": ""}),
    ],
)
def test_upper_values_override_lower_values(lower: object, upper: object, merged: object) -> None:
    assert merge_values(lower, upper) == merged
