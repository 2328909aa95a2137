"""Selects the stacks of a command: by name, all stacks, or the stacks that a change affects."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from automation import workspace
from automation.environment import CHECKOUT
from automation.errors import UserError

# Files of the program, relative to the checkout. A change of these files can affect every stack.
PROGRAM_PATHS = (
    "__main__.py",
    "Pulumi.yaml",
    "requirements.txt",
    "assembly/",
    "formats/",
    "redaction/",
    "settings/",
    "topology/",
    "nodeconfig/",
    "components/",
    "providers/",
    "artifacts/",
    "policy/",
)


def all_stacks(checkout: Path = CHECKOUT) -> dict[str, Path]:
    """Return every stack of the checkout with its file `Pulumi.<stack>.yaml`. Bases of other stacks are
    omitted.
    """
    files = {path.name.removeprefix("Pulumi.").removesuffix(".yaml"): path for path in _stack_files(checkout)}
    bases: set[Path] = set()
    for path in files.values():
        bases |= {base.resolve() for base in workspace.merged_config(path).files[1:]}
    return {name: path for name, path in files.items() if path.resolve() not in bases}


def affected_stacks(
    changed: Iterable[str], stacks: Mapping[str, Path], checkout: Path = CHECKOUT
) -> list[str]:
    """Return the stacks that a change of these files (relative to the checkout) can affect."""
    paths = list(changed)
    if any(path.startswith(PROGRAM_PATHS) for path in paths):
        return list(stacks)
    return [name for name, file in stacks.items() if _is_affected(paths, file, checkout)]


def changed_since(ref: str, checkout: Path = CHECKOUT) -> list[str]:
    """Return the files that changed since the merge base with `ref`, including uncommitted and new files.

    Raise `UserError` when git does not know the reference.
    """
    if ref.startswith("-"):
        raise UserError(f"--changed-from: {ref!r} is not a commit, branch or tag")
    changed_files = _run_git(checkout, "diff", "--name-only", "--no-renames", "-z", "--merge-base", ref, "--")
    new_files = _run_git(checkout, "ls-files", "--others", "--exclude-standard", "-z")
    return sorted({*changed_files, *new_files})


def select_stacks(names: Sequence[str], *, select_all: bool, changed_from: str | None) -> list[str]:
    """Return the selected stacks; `dev` by default.

    Raise `UserError` when several ways of selection are combined, and for an invalid stack name.
    """
    # Stack names become names of directories and reports.
    for name in names:
        workspace.check_stack_name(name)
    selections = [bool(names), select_all, changed_from is not None]
    if sum(selections) > 1:
        raise UserError("--stack, --all and --changed-from: give one of them")
    if select_all:
        return list(all_stacks())
    if changed_from is None:
        return list(dict.fromkeys(names)) or ["dev"]
    stacks = all_stacks()
    changed = changed_since(changed_from)
    for path in changed:
        if path.startswith("Pulumi.") and not (CHECKOUT / path).exists():
            print(
                f"{path}: removed; its stack is not selected. Destroy a stack before removing its file",
                file=sys.stderr,
            )
    return affected_stacks(changed, stacks)


def _is_affected(changed: Sequence[str], file: Path, checkout: Path) -> bool:
    settings = workspace.merged_config(file)
    own_files = {str(path.resolve().relative_to(checkout.resolve())) for path in settings.files}
    # A text without a slash or a dot is a word and not a path.
    texts = (text for text in _config_texts(settings.config) if "/" in text or "." in text)
    referenced_paths = {text.removeprefix("./").rstrip("/") for text in texts}
    return any(
        path in own_files or not referenced_paths.isdisjoint(_path_and_parents(path)) for path in changed
    )


def _path_and_parents(path: str) -> Iterator[str]:
    """Yield the path and all directories above it in the checkout."""
    yield path
    yield from (str(parent) for parent in PurePosixPath(path).parents if parent.name)


def _config_texts(value: object) -> Iterator[str]:
    """Yield every text of a config. Each text can name a file of the checkout, such as a chart."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _config_texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _config_texts(item)


def _stack_files(checkout: Path) -> list[Path]:
    return sorted(path for path in checkout.glob("Pulumi.*.yaml") if path.is_file())


def _run_git(checkout: Path, *words: str) -> list[str]:
    try:
        completed = subprocess.run(["git", *words], cwd=checkout, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"--changed-from: git did not answer: {error}") from None
    if completed.returncode:
        reason = (completed.stderr.strip().splitlines() or ["no reason given"])[0]
        raise UserError(f"--changed-from: {reason}; name a commit, branch or tag (fetched deep enough)")
    return [path for path in completed.stdout.split("\0") if path]
