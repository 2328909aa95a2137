"""What the engine writes into stack files: the encryption of their secrets, and edited configuration.

The engine runs on a copy of the stack file. These functions bring its changes back to the user's file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from automation.errors import UserError
from formats.documents import parse_yaml
from settings.bases import is_secure

PROVIDER = "secretsprovider"
PASSPHRASE_PROVIDER = "passphrase"
SALT = "encryptionsalt"
CLOUD_KEY = "encryptedkey"
ENCRYPTION_KEYS = (PROVIDER, CLOUD_KEY, SALT)
"""The keys of a stack file that describe how its secrets and those of its state are encrypted."""


def encryption_of(document: Mapping[str, Any], earlier: Mapping[str, Any]) -> dict[str, str]:
    """Return the encryption of a stack file. What the file lacks comes from its earlier copy.

    The engine generates the salt and the data key once. A copy of another secrets provider is not used.
    """
    provider = _provider(document)
    result = {key: str(document[key]) for key in ENCRYPTION_KEYS if document.get(key)}
    generated = SALT if provider == PASSPHRASE_PROVIDER else CLOUD_KEY
    if generated not in result and _provider(earlier) == provider and earlier.get(generated):
        result[generated] = str(earlier[generated])
    return result


def keeps_encryption(text: str) -> bool:
    """Report whether a stack file must contain its encryption, because the file alone must be enough to
    decrypt its values, or because it names a secrets provider.

    Other files stay unchanged: their secrets are only in the state, which has its own copy.
    """
    document: Any = parse_yaml(text)
    return _has_encrypted_value(document) or bool(document.get(PROVIDER) or document.get(SALT))


def write_encryption(path: Path, encryption: Mapping[str, str]) -> None:
    """Write the keys of an encryption into a stack file. All other lines stay unchanged."""
    text = path.read_text()
    for key, value in encryption.items():
        line = f"{key}: {value}"
        pattern = re.compile(rf"^{key}:.*$", re.MULTILINE)
        separator = "" if not text or text.endswith("\n") else "\n"
        text = pattern.sub(lambda _: line, text) if pattern.search(text) else f"{text}{separator}{line}\n"  # noqa: B023
    replace_text(path, text)


def without_unused_salt(text: str) -> str:
    """Return the text of a stack file without its salt, unless the file has an encrypted value."""
    if _has_encrypted_value(parse_yaml(text)):
        return text
    return re.sub(rf"^{SALT}:.*\n?", "", text, flags=re.MULTILINE)


def replace_text(path: Path, text: str) -> None:
    """Replace the content of a stack file in one step. Raise `UserError` when the file cannot be written."""
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
        raise UserError(f"{path.name}: cannot be written: {error.strerror}; allow it and retry") from None


def _provider(document: Mapping[str, Any]) -> str:
    return str(document.get(PROVIDER) or PASSPHRASE_PROVIDER)


def _has_encrypted_value(value: object) -> bool:
    if is_secure(value):
        return True
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return any(_has_encrypted_value(item) for item in items)
