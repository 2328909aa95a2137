"""Tests of the document that `make bench` writes."""

from __future__ import annotations

from benchmarks.report import replace_table

SECTION = "\n## The stack `platform`\n\n`up` took 220 s.\n"


def test_new_table_keeps_the_sections_of_the_document() -> None:
    assert replace_table(f"# Title\n\nold table\n{SECTION}", "# Title\n\nnew table\n") == (
        f"# Title\n\nnew table\n{SECTION}"
    )


def test_document_without_sections_is_the_table() -> None:
    assert replace_table("# Title\n\nold table\n", "# Title\n\nnew table\n") == "# Title\n\nnew table\n"
