"""The format of the tables of machine types: JSON with one line for each type and region."""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]


def format_table(table: Json) -> str:
    """Return the table as JSON with one line for each type and region, so that a diff shows what changed."""
    lines = ["{", f' "date": {json.dumps(table["date"])},', f' "source": {json.dumps(table["source"])},']
    for key, end in (("types", ","), ("regions", "")):
        rows = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in sorted(table[key].items())]
        lines += [f' "{key}": {{', ",\n".join(rows), f" }}{end}"]
    return "\n".join([*lines, "}"]) + "\n"
