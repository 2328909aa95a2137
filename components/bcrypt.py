"""bcrypt hashes of passwords by crypt(3) of this machine, which libxcrypt implements.

Python has no bcrypt. Every Debian-like system has libxcrypt, by which it verifies the logins of its users.
"""

from __future__ import annotations

import base64
import ctypes
import hashlib
import hmac
from functools import cache

_LIBRARIES = ("libcrypt.so.1", "libcrypt.so.2")
_DATA_BYTES = 256 * 1024
"""More than the struct crypt_data of each implementation."""
_COST = 10
"""The cost of golang.org/x/crypto/bcrypt, by which the registry compares. Each request pays it."""
_MAX_BYTES = 72
_STANDARD = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BCRYPT = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@cache
def is_available() -> bool:
    """Check whether crypt(3) of this machine knows bcrypt."""
    return _crypt("", f"$2b$04${'.' * 22}") is not None


def bcrypt_hash(password: str, key: str, owner: str) -> str:
    """Return the bcrypt hash of a password, with a salt that follows from all arguments.

    The same arguments give the same hash, so that a preview shows no difference. `key` is a secret that no
    attacker has: otherwise the salt would be a faster way to search the password than the hash. Raise
    ValueError for a password of which bcrypt would ignore a part. The settings refuse such passwords, but an
    input of a program can be one.
    """
    if len(password.encode()) > _MAX_BYTES or "\0" in password:
        raise ValueError(f"the password of {owner} has more than {_MAX_BYTES} bytes, or a zero byte")
    text = f"kubewright bcrypt salt {owner}\0{password}"
    salt = hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()[:16]
    encoded = base64.b64encode(salt).rstrip(b"=").translate(bytes.maketrans(_STANDARD, _BCRYPT))
    result = _crypt(password, f"$2b${_COST:02}${encoded.decode()}")
    if result is None:
        raise RuntimeError("crypt(3) of this machine has no bcrypt")
    return result


def _crypt(password: str, setting: str) -> str | None:
    """Return what crypt_r(3) returns; None without it, or for a method that it does not know."""
    for name in _LIBRARIES:
        try:
            function = ctypes.CDLL(name).crypt_r
        except (OSError, AttributeError):
            continue
        function.restype = ctypes.c_char_p
        data = ctypes.create_string_buffer(_DATA_BYTES)
        result: bytes | None = function(password.encode(), setting.encode(), data)
        return result.decode() if result and result.startswith(b"$2") else None
    return None
