"""Tests of the examples in docs/registry.md: they are valid settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from settings import load
from tests.unit.settings.support import TWO_WORKERS, with_edits
from tests.unit.settings.wrong_cert_manager import CA

_PAGE = Path(__file__).resolve().parents[3] / "docs/registry.md"
_EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", _PAGE.read_text(), re.DOTALL | re.MULTILINE)
_SECRETS = {"password_hash": f"$2y$10${'x' * 53}"}
"""Values of encrypted settings that must have a form of their own."""


def decrypted(value: Any, key: str = "") -> Any:  # noqa: ANN401 - JSON
    """Return an example with values in place of those that it leaves out."""
    if isinstance(value, dict) and value.keys() == {"secure"}:
        return _SECRETS.get(key, "a-secret-of-the-example")
    if isinstance(value, dict):
        return {name: decrypted(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [decrypted(item) for item in value]
    return CA["certificate"] if key == "certificate" else value


@pytest.mark.parametrize("text", _EXAMPLES, ids=lambda text: text.split()[1])
def test_example_is_valid(text: str) -> None:
    example = decrypted(yaml.safe_load(text.replace("AKIA…", "AKIAEXAMPLE")))
    load(with_edits(TWO_WORKERS, example))


def test_page_has_examples_of_all_sections() -> None:
    sections = {key for text in _EXAMPLES for key in yaml.safe_load(text)}
    assert sections == {"addons", "access", "helm_releases", "pull_secrets", "registries"}
    assert len(_EXAMPLES) >= 5
