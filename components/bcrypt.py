"""bcrypt hashes of passwords, as the registry compares them."""

from __future__ import annotations

import base64
import hashlib
import hmac

import bcrypt

_COST = 10
"""The cost of golang.org/x/crypto/bcrypt, by which the registry compares. Each request pays it."""
_MAX_BYTES = 72
_STANDARD = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BCRYPT = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


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
    return bcrypt.hashpw(password.encode(), b"$2b$%02d$" % _COST + encoded).decode()
