"""Tests of the documents: width of lines, links, commands, options and paths."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from automation.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 120
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
# The changelog names commands and files of earlier versions.
CURRENT = [path for path in DOCUMENTS if path.name != "CHANGELOG.md"]

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
INLINE_CODE = re.compile(r"`([^`\n]+)`")
CODE_BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"(?:\./)?kubewright +((?:[a-z][a-z|-]*)(?: .*)?)$")
MAKE = re.compile(r"\bmake ([a-z][a-z-]*)")
PATH = re.compile(r"[\w.{},/-]+")


def document_name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def text_without_code(text: str) -> str:
    return CODE_BLOCK.sub("", text)


def code_texts(text: str) -> Iterator[str]:
    """Yield each inline code and each line of shell blocks, without comments."""
    yield from INLINE_CODE.findall(text_without_code(text))
    for language, block in CODE_BLOCK.findall(text):
        if language in ("sh", "shell", "console"):
            yield from (line.split("  #")[0].strip() for line in block.splitlines())


def anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a document."""
    headings = re.findall(r"^#+ (.*)$", text_without_code(path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@cache
def whole_command() -> Any:  # noqa: ANN401 - a class of a private module of typer
    """Return the command line of `kubewright`, whose creation takes a while."""
    return get_command(app)


def first_unknown_word(words: list[str]) -> str | None:
    """Return the first word that is neither a command of `kubewright` nor an option of its command."""
    command = whole_command()
    context = typer.Context(command)
    position = 0
    while hasattr(command, "get_command") and position < len(words):
        subcommand = command.get_command(context, words[position])
        if subcommand is None:
            return words[position]
        # `user` is both a command and a group of commands: `user --name N`, `user revoke`.
        command, position = subcommand, position + 1
        if position < len(words) and words[position].startswith("-"):
            break
    options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    for word in words[position:]:
        if word == "--":
            return None
        if word.startswith("--") and word.split("=")[0] not in options:
            return word
    return None


@pytest.mark.parametrize("path", DOCUMENTS, ids=document_name)
def test_lines_are_at_most_120_wide(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert not [f"{number}: {line}" for number, line in enumerate(lines, 1) if len(line) > WIDTH]


@pytest.mark.parametrize("path", DOCUMENTS, ids=document_name)
def test_relative_links_resolve(path: Path) -> None:
    broken = []
    for link in LINK.findall(text_without_code(path.read_text())):
        target, _, anchor = link.partition("#")
        if target.startswith(("https:", "http:", "mailto:")):
            continue
        file = (path.parent / target).resolve() if target else path
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(link)
    assert not broken


@pytest.mark.parametrize("path", CURRENT, ids=document_name)
def test_commands_and_options_exist(path: Path) -> None:
    wrong = []
    for text in code_texts(path.read_text()):
        if not (match := COMMAND.search(text)):
            continue
        first, *rest = re.sub(r"[\[\]]", " ", match[1]).split()
        if first.startswith("-"):
            continue
        words = [word for word in rest if word not in ("…", "...")]
        wrong += [
            (text, unknown) for each in first.split("|") if (unknown := first_unknown_word([each, *words]))
        ]
    assert not wrong


@pytest.mark.parametrize("path", CURRENT, ids=document_name)
def test_make_targets_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {target for text in code_texts(path.read_text()) for target in MAKE.findall(text)}
    assert not named - targets


def expand_braces(text: str) -> list[str]:
    """Return the expansions of braces such as `a/{b,c}/d`, as in a shell."""
    if not (match := re.search(r"\{([^{}]*)\}", text)):
        return [text]
    start, end = text[: match.start()], text[match.end() :]
    return [path for choice in match[1].split(",") for path in expand_braces(f"{start}{choice}{end}")]


def named_paths(path: Path) -> Iterator[str]:
    """Yield the paths of this repository that a document names in inline code."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    directories = {line.split("/")[0] for line in listed.splitlines() if "/" in line}
    for text in INLINE_CODE.findall(text_without_code(path.read_text())):
        if PATH.fullmatch(text) and "/" in text:
            yield from (item for item in expand_braces(text) if item.split("/")[0] in directories)


@pytest.mark.parametrize("path", CURRENT, ids=document_name)
def test_paths_exist(path: Path) -> None:
    # `images/` and `files/…` are also directories of a mirror.
    assert not [item for item in named_paths(path) if not (ROOT / item).exists()]


def test_wrong_commands_and_options_are_recognized() -> None:
    assert first_unknown_word(["no-such-command"]) == "no-such-command"
    assert first_unknown_word(["lab", "no-such-command"]) == "no-such-command"
    assert first_unknown_word(["preview", "--stack", "dev", "--no-such-option"]) == "--no-such-option"
    assert first_unknown_word(["preview", "--stack", "dev", "--report", "DIR"]) is None
