"""What keys, tokens and passwords look like where nobody says that they are some. One table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ahocorasick_rs import AhoCorasick


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretPattern:
    """A secret's form. In a match the group `secret` is the secret, or all of it where there is none.

    `hints`: one of them stands in every text that has the form, so that other texts cost nothing; without
    any, every text is searched.
    """

    what: str
    pattern: re.Pattern[str]
    hints: tuple[str, ...]

    def within(self, text: str) -> Iterator[tuple[int, int]]:
        """Where secrets of this form are."""
        group = "secret" if "secret" in self.pattern.groupindex else 0
        yield from (found.span(group) for found in self.pattern.finditer(text))


def candidates(text: str) -> Iterator[SecretPattern]:
    """The forms that the text may have, to be looked for."""
    try:
        found = _HINTS.find_matches_as_indexes(text, overlapping=True)
    except UnicodeEncodeError:  # half a character of UTF-16
        yield from PATTERNS
        return
    yield from _ALWAYS
    yield from {id(form): form for number, _, _ in found for form in _HINTED[number]}.values()


def _form(what: str, pattern: str, *hints: str) -> SecretPattern:
    return SecretPattern(what=what, pattern=re.compile(pattern, re.DOTALL), hints=hints)


_ARMOUR = r"-{4,5} ?%s (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)? ?-{4,5}"
# The words PRIVATE KEY within base64, at each of its three alignments.
_ENCODED = ("UFJJVkFURSBLRV", "BSSVZBVEUgS0VZ", "QUklWQVRFIEtFW")
_LINES_OF_BASE64 = (
    r"[A-Za-z0-9+/=_-]*(?:(?:\\n|\s)+[A-Za-z0-9+/]{40,}={0,2})*(?:(?:\\n|\s)+[A-Za-z0-9+/]+={1,2})?"
)
_OF_GITLAB = ("pat", "oas", "dt", "rt", "cbt", "ptt", "ft", "imt", "agent", "soat", "ffct")

PATTERNS = (
    _form("a private key", f"{_ARMOUR % 'BEGIN'}.*?(?:{_ARMOUR % 'END'}|\\Z)", "PRIVATE KEY"),
    _form("a private key, encoded", f"(?:{'|'.join(_ENCODED)}){_LINES_OF_BASE64}", *_ENCODED),
    _form("a private key of PuTTY", r"Private-Lines: *\d+.*", "Private-Lines:"),
    _form("a private key of age", r"AGE-SECRET-KEY-1[0-9A-Z]{50,}", "AGE-SECRET-KEY-1"),
    # kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens: the second half is the secret.
    _form("a bootstrap token", r"(?<![\w.-])[a-z0-9]{6}\.(?P<secret>[a-z0-9]{16})(?![\w-]|\.\w)"),
    _form(
        "a kubeconfig's private key",
        r"client-key-data\\*\"?:\s*\\*\"?(?P<secret>[A-Za-z0-9+/]{40,}={0,2})",
        "client-key-data",
    ),
    _form(
        "a key of the encryption of Secrets",
        r"secret\\*\"?:\s*\\*\"?(?P<secret>[A-Za-z0-9+/]{43}=)",
        "secret",
    ),
    _form("a signed token", r"\beyJ[\w-]{6,}\.eyJ[\w-]{6,}\.[\w-]{6,}", "eyJ"),
    _form(
        "a token of a request",
        r"\b(?:[Bb]earer|[Bb]asic)\s+(?P<secret>(?=\S*\d)[\w.~+/-]{16,}=*)",
        "earer",
        "asic",
    ),
    # docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    _form("an AWS access key", r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b", "AKIA", "ASIA"),
    _form("a signature of AWS", r"X-Amz-Signature=(?P<secret>[0-9a-f]{64})", "X-Amz-Signature="),
    _form(
        "a storage account's key",
        r"(?:AccountKey|SharedAccessKey)=(?P<secret>[A-Za-z0-9+/]{40,}={0,2})",
        "AccountKey=",
        "SharedAccessKey=",
    ),
    # learn.microsoft.com/rest/api/storageservices/create-service-sas: an HMAC-SHA256 in base64
    _form("a signature of Azure", r"\bsig=(?P<secret>[A-Za-z0-9%+/_-]{40,}={0,2})", "sig="),
    _form("a client secret of Azure", r"(?<![\w~.-])[A-Za-z0-9]{3}[78]Q~[\w~.-]{31,34}", "Q~"),
    # github.blog/2021-04-05-behind-githubs-new-authentication-token-formats
    _form(
        "a forge's token",
        r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{60,})",
        *(f"gh{kind}_" for kind in "pousr"),
        "github_pat_",
    ),
    # docs.gitlab.com/security/tokens
    _form(
        "a forge's token",
        rf"\bgl(?:{'|'.join(_OF_GITLAB)})-[\w.-]{{20,}}",
        *(f"gl{kind}-" for kind in _OF_GITLAB),
    ),
    _form("a token of Slack", r"\bxox[abeoprs]-[\w-]{10,}", "xox"),
    _form(
        "an address of Slack's hooks",
        r"hooks\.slack\.com/(?:services|workflows)/(?P<secret>[\w/]{20,})",
        "hooks.slack.com/",
    ),
    _form("an API key of Google", r"\bAIza[\w-]{35}", "AIza"),
    _form(
        "a token of a registry",
        r"\b(?:npm_[A-Za-z0-9]{36}|dckr_[a-z]+_[\w-]{27,}|pypi-[\w-]{50,})",
        "npm_",
        "dckr_",
        "pypi-",
    ),
    _form("a token of Vault", r"\bhv[sbr]\.[\w-]{20,}", "hvs.", "hvb.", "hvr."),
    _form("a token of Pulumi", r"\bpul-[0-9a-f]{40}\b", "pul-"),
    _form(
        "a registry's credentials",
        r"\\*\"auth\\*\"\s*:\s*\\*\"(?P<secret>[A-Za-z0-9+/]{8,}={0,2})\\*\"",
        "auth",
    ),
    # RFC 3986, 3.2.1: of some services the user is a token. What a template puts there is no secret yet.
    _form(
        "a password in an address",
        r"://(?P<secret>[^\s/:@\"'<>\\]{0,250}:[^\s/@\"'<>${%*\[][^\s/@\"'<>{]{0,250})@",
        "://",
    ),
)

_ALWAYS = tuple(form for form in PATTERNS if not form.hints)
_WORDS = tuple(dict.fromkeys(hint for form in PATTERNS for hint in form.hints))
_HINTED = tuple(tuple(form for form in PATTERNS if hint in form.hints) for hint in _WORDS)
_HINTS = AhoCorasick(_WORDS, store_patterns=False)
