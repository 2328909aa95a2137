"""What secrets look like, and what the keys are called that hold one. Pure; also what texts are veiled by."""

from __future__ import annotations

import re
from dataclasses import dataclass

FORMS = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----"), "a private key"),
    # "PRIVATE KEY" at each of the three places that it may have in base64.
    (re.compile(r"UFJJVkFURSBLRV|BSSVZBVEUgS0VZ|QUklWQVRFIEtFW"), "a private key, encoded"),
    # kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens
    (re.compile(r"(?<![\w.-])[a-z0-9]{6}\.[a-z0-9]{16}(?![\w.-])"), "a bootstrap token"),
    (re.compile(r"client-key-data:\s*[A-Za-z0-9+/]{40}"), "a kubeconfig's private key"),
    (re.compile(r"secret:\s*\"?[A-Za-z0-9+/]{43}="), "a key of the encryption of Secrets"),
    (re.compile(r'"auth":\s*"[A-Za-z0-9+/]{8,}={0,2}"'), "a registry's password"),
    (re.compile(r"AccountKey=[A-Za-z0-9+/]{40,}"), "a storage account's key"),
)
"""In any text: the pattern, and what it finds."""


@dataclass(frozen=True, slots=True)
class Token:
    """A secret whose form alone says so; `signs`: one of these is in every text that has it."""

    form: re.Pattern[str]
    what: str
    signs: tuple[str, ...]


TOKENS = (
    Token(
        re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
        "a signed token",
        (".eyJ",),
    ),
    # docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    Token(re.compile(r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b"), "an AWS access key", ("AKIA", "ASIA")),
    Token(
        re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{60,}|glpat-[\w-]{20})"),
        "a forge's token",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-"),
    ),
    Token(re.compile(r"\bxox[abeprs]-[A-Za-z0-9-]{20,}"), "a chat's token", ("xox",)),
    # RFC 3986: a user's password before the host. A variable or a sign in its place is none.
    Token(
        re.compile(r"(?<=://)[^\s/:@\"'<>]+:[^\s/@\"'<>$\[{*]{3,}(?=@[\w.-])"),
        "a password in an address",
        ("://",),
    ),
    Token(re.compile(r"(?<=[?&]sig=)[A-Za-z0-9%+/_-]{30,}"), "a signature that opens a store", ("sig=",)),
)


_ENDS = (
    "password",
    "passwd",
    "passphrase",
    "privatekey",
    "clientsecret",
    "secretkey",
    "secretaccesskey",
    "accesskey",
    "accountkey",
    "sharedkey",
    "apikey",
    "apitoken",
    "authtoken",
    "accesstoken",
    "refreshtoken",
    "bearertoken",
    "connectionstring",
)
# Alone; `existingSecret` and the like name an object, and `httpTokens` none.
_WHOLE = frozenset({"token", "secret", "pwd", "credentials"})
_BETWEEN = re.compile(r"[^a-z0-9]")


def named(key: str) -> bool:
    """Whether what is under a key of that name is secret whatever it looks like: `DB_PASSWORD`, `api-key`."""
    word = _BETWEEN.sub("", key.lower())
    return word in _WHOLE or word.endswith(_ENDS)
