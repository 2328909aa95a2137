"""Tests of invalid YAML files: every reader reports the error in a single line."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from automation import workspace
from automation.errors import UserError
from formats.documents import parse_yaml
from settings import SettingsError
from settings.stackfile import load_file

_MULTIPLYING_ALIASES = "\n".join(
    ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40))]
)
_ENDLESS_DOCUMENTS = {
    "alias inside its own anchor": "config: &a\n  kubewright:cluster: *a\n",
    "alias inside its own list": "config: {kubewright:cluster: {pools: &a [1, *a]}}\n",
    "two aliases of each other": "config: &a {b: &b {c: *a, d: *b}}\n",
    "deep lists": "config: " + "[" * 5000 + "]" * 5000,
    "deep mappings": "config:\n" + "\n".join(" " * (n + 1) + "a:" for n in range(200)),
    "aliases that multiply": "config:\n"
    + "\n".join(f"  {line}" for line in _MULTIPLYING_ALIASES.splitlines()),
}


@pytest.mark.parametrize("text", _ENDLESS_DOCUMENTS.values(), ids=_ENDLESS_DOCUMENTS)
def test_endless_yaml_is_an_error_with_a_single_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text(text)
    with pytest.raises(UserError, match=r"^Pulumi\.x\.yaml: not valid YAML: .*alias") as caught:
        workspace.merged_config(file)
    assert "\n" not in str(caught.value)
    with pytest.raises(SettingsError, match=r"not valid YAML"):
        load_file(file)


def test_ordinary_aliases_are_read() -> None:
    text = "a: &a {b: [1, 2]}\nc: *a\nd: [*a, *a]\n"
    assert parse_yaml(text) == yaml.safe_load(text)
    deep = "[" * 90 + "]" * 90
    assert parse_yaml(deep) == yaml.safe_load(deep)
