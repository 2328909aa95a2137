"""Writes the changes of the engine to stack files: encryption keys and edited settings.

The engine runs on a copy of the stack file. These functions copy its changes to the stack file of the user.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from automation.errors import UserError
from formats.documents import parse_yaml
from settings.bases import contains_encrypted

PROVIDER = "secretsprovider"
PASSPHRASE_PROVIDER = "passphrase"
SALT = "encryptionsalt"
DATA_KEY = "encryptedkey"
ENCRYPTION_KEYS = (PROVIDER, DATA_KEY, SALT)
"""The keys of a stack file that describe how its secrets and those of its state are encrypted."""


def encryption_keys_of(document: Mapping[str, Any], earlier: Mapping[str, Any]) -> dict[str, str]:
    """Return the encryption keys (`ENCRYPTION_KEYS`) of a stack file.

    `earlier` is the previous copy of the file in the work directory. A salt or data key that the file does
    not contain comes from this copy, because the engine generates both only once. A copy with another secrets
    provider is not used.
    """
    provider = _provider(document)
    result = {key: str(document[key]) for key in ENCRYPTION_KEYS if document.get(key)}
    generated = SALT if provider == PASSPHRASE_PROVIDER else DATA_KEY
    if generated not in result and _provider(earlier) == provider and earlier.get(generated):
        result[generated] = str(earlier[generated])
    return result


def needs_encryption_keys(text: str) -> bool:
    """Check whether a stack file must contain its encryption keys.

    The file must contain the keys if it has an encrypted value, a secrets provider or a salt. In all other
    cases only the state has secrets, and the state contains the keys too.
    """
    document: Any = parse_yaml(text)
    return contains_encrypted(document) or bool(document.get(PROVIDER) or document.get(SALT))


def write_encryption_keys(path: Path, keys: Mapping[str, str]) -> None:
    """Write encryption keys into a stack file. All other lines remain unchanged."""
    text = path.read_text()
    for key, value in keys.items():
        line = f"{key}: {value}"
        pattern = re.compile(rf"^{key}:.*$", re.MULTILINE)
        separator = "" if not text or text.endswith("\n") else "\n"
        text = pattern.sub(lambda _: line, text) if pattern.search(text) else f"{text}{separator}{line}\n"  # noqa: B023
    replace_text(path, text)


def without_unused_salt(text: str) -> str:
    """Return the text of a stack file without its salt. If the file has an encrypted value, keep the salt."""
    if contains_encrypted(parse_yaml(text)):
        return text
    return re.sub(rf"^{SALT}:.*\n?", "", text, flags=re.MULTILINE)


def replace_text(path: Path, text: str) -> None:
    """Replace the content of a stack file atomically. Raise `UserError` when the file cannot be written."""
    target = path.resolve()
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        if target.read_text() == text:
            return
        temporary.touch(mode=0o600)
        temporary.chmod(target.stat().st_mode & 0o777)
        temporary.write_text(text)
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _write_error(path, error) from None


def require_writable(path: Path) -> None:
    """Raise `UserError` when this process cannot write to a stack file."""
    try:
        path.open("a").close()
    except OSError as error:
        raise _write_error(path, error) from None


def _write_error(path: Path, error: OSError) -> UserError:
    return UserError(
        f"{path.name}: cannot be written: {error.strerror}; make the file writable and run the command again"
    )


def _provider(document: Mapping[str, Any]) -> str:
    return str(document.get(PROVIDER) or PASSPHRASE_PROVIDER)
