"""Test that docs/secrets.md names all settings whose values remain secret, and no other setting."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from settings.secret_paths import ANY_NAME, HELM_VALUES, SECRET_SETTINGS, Pattern, remains_secret

DOCUMENT = Path(__file__).resolve().parents[3] / "docs/secrets.md"
REGISTRY_USERNAME: Pattern = ("registries", ANY_NAME, "username")
_CODE = re.compile(r"`([^`]+)`")


def documented_settings() -> Iterator[Pattern]:
    """Yield the settings in the table of secret settings. A name in capitals is a name that users choose.

    A row has whole paths, or the paths inside a section: in `etcd.snapshots.to.NAME.s3`: `secret_access_key`.
    """
    section = DOCUMENT.read_text().partition("\n## Secret settings\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[2].strip() for line in section.splitlines() if line.startswith("|")]
    for row in rows[2:]:
        paths = _CODE.findall(row)
        assert paths, f"the row names no setting: {row}"
        prefix = f"{paths.pop(0)}." if row.startswith("in ") else ""
        for path in paths:
            yield tuple(ANY_NAME if part == "NAME" else part for part in f"{prefix}{path}".split("."))


def test_document_names_all_secret_settings_and_no_others() -> None:
    documented = [*documented_settings()]
    assert sorted(documented) == sorted([*SECRET_SETTINGS, HELM_VALUES, REGISTRY_USERNAME])


def test_settings_of_the_document_remain_secret() -> None:
    assert [path for path in documented_settings() if not remains_secret(path)] == []
