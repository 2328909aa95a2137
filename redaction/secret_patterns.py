"""Recognition of unknown secrets by the syntax of private keys, tokens and passwords."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ahocorasick_rs import AhoCorasick


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretPattern:
    """The syntax of one kind of secret.

    The group `secret` of a match is the secret; without that group, the whole match is the secret. `hints`
    make the search fast: a text that contains none of these strings cannot match and is skipped. A pattern
    without hints searches every text.
    """

    description: str
    pattern: re.Pattern[str]
    hints: tuple[str, ...]

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield the start and end of every secret of this kind in the text."""
        group = "secret" if "secret" in self.pattern.groupindex else 0
        yield from (match.span(group) for match in self.pattern.finditer(text))


def candidate_patterns(text: str) -> Iterator[SecretPattern]:
    """Yield the patterns that can match the text, selected by their hints."""
    try:
        matches = _HINT_SEARCHER.find_matches_as_indexes(text, overlapping=True)
    except UnicodeEncodeError:  # the text contains unpaired surrogates
        yield from PATTERNS
        return
    yield from _WITHOUT_HINTS
    yield from {id(each): each for number, _, _ in matches for each in _PATTERNS_OF_HINT[number]}.values()


def _pattern(description: str, pattern: str, *hints: str) -> SecretPattern:
    return SecretPattern(description=description, pattern=re.compile(pattern, re.DOTALL), hints=hints)


_PEM_BOUNDARY = r"-{4,5} ?%s (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)? ?-{4,5}"
# The words PRIVATE KEY in base64, at each of the three alignments.
_ENCODED_KEY = ("UFJJVkFURSBLRV", "BSSVZBVEUgS0VZ", "QUklWQVRFIEtFW")
_BASE64_LINES = (
    r"[A-Za-z0-9+/=_-]*(?:(?:\\n|\s)+[A-Za-z0-9+/]{40,}={0,2})*(?:(?:\\n|\s)+[A-Za-z0-9+/]+={1,2})?"
)
_GITLAB_TOKEN_KINDS = ("pat", "oas", "dt", "rt", "cbt", "ptt", "ft", "imt", "agent", "soat", "ffct")

PATTERNS = (
    _pattern("a private key", f"{_PEM_BOUNDARY % 'BEGIN'}.*?(?:{_PEM_BOUNDARY % 'END'}|\\Z)", "PRIVATE KEY"),
    _pattern(
        "an encoded private key",
        f"(?:{'|'.join(_ENCODED_KEY)}){_BASE64_LINES}",
        *_ENCODED_KEY,
    ),
    _pattern("a PuTTY private key", r"Private-Lines: *\d+.*", "Private-Lines:"),
    _pattern("an age private key", r"AGE-SECRET-KEY-1[0-9A-Z]{50,}", "AGE-SECRET-KEY-1"),
    # kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens: the second half is secret.
    _pattern("a bootstrap token", r"(?<![\w.-])[a-z0-9]{6}\.(?P<secret>[a-z0-9]{16})(?![\w-]|\.\w)"),
    _pattern(
        "a kubeconfig private key",
        r"client-key-data\\*\"?:\s*\\*\"?(?P<secret>[A-Za-z0-9+/]{40,}={0,2})",
        "client-key-data",
    ),
    _pattern(
        "an encryption key for Secrets",
        r"secret\\*\"?:\s*\\*\"?(?P<secret>[A-Za-z0-9+/]{43}=)",
        "secret",
    ),
    _pattern("a JSON Web Token", r"\beyJ[\w-]{6,}\.eyJ[\w-]{6,}\.[\w-]{6,}", "eyJ"),
    _pattern(
        "an authorization header",
        r"\b(?:[Bb]earer|[Bb]asic)\s+(?P<secret>(?=\S*\d)[\w.~+/-]{16,}=*)",
        "earer",
        "asic",
    ),
    # docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    _pattern("an AWS access key", r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b", "AKIA", "ASIA"),
    _pattern("an AWS signature", r"X-Amz-Signature=(?P<secret>[0-9a-f]{64})", "X-Amz-Signature="),
    _pattern(
        "a storage account key",
        r"(?:AccountKey|SharedAccessKey)=(?P<secret>[A-Za-z0-9+/]{40,}={0,2})",
        "AccountKey=",
        "SharedAccessKey=",
    ),
    # learn.microsoft.com/rest/api/storageservices/create-service-sas: an HMAC-SHA256 in base64
    _pattern("an Azure signature", r"\bsig=(?P<secret>[A-Za-z0-9%+/_-]{40,}={0,2})", "sig="),
    _pattern("an Azure client secret", r"(?<![\w~.-])[A-Za-z0-9]{3}[78]Q~[\w~.-]{31,34}", "Q~"),
    # github.blog/2021-04-05-behind-githubs-new-authentication-token-formats
    _pattern(
        "a GitHub token",
        r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{60,})",
        *(f"gh{kind}_" for kind in "pousr"),
        "github_pat_",
    ),
    # docs.gitlab.com/security/tokens
    _pattern(
        "a GitLab token",
        rf"\bgl(?:{'|'.join(_GITLAB_TOKEN_KINDS)})-[\w.-]{{20,}}",
        *(f"gl{kind}-" for kind in _GITLAB_TOKEN_KINDS),
    ),
    _pattern("a Slack token", r"\bxox[abeoprs]-[\w-]{10,}", "xox"),
    _pattern(
        "a Slack webhook URL",
        r"hooks\.slack\.com/(?:services|workflows)/(?P<secret>[\w/]{20,})",
        "hooks.slack.com/",
    ),
    _pattern("a Google API key", r"\bAIza[\w-]{35}", "AIza"),
    _pattern(
        "a package registry token",
        r"\b(?:npm_[A-Za-z0-9]{36}|dckr_[a-z]+_[\w-]{27,}|pypi-[\w-]{50,})",
        "npm_",
        "dckr_",
        "pypi-",
    ),
    _pattern("a Vault token", r"\bhv[sbr]\.[\w-]{20,}", "hvs.", "hvb.", "hvr."),
    _pattern("a Pulumi token", r"\bpul-[0-9a-f]{40}\b", "pul-"),
    _pattern(
        "registry credentials",
        r"\\*\"auth\\*\"\s*:\s*\\*\"(?P<secret>[A-Za-z0-9+/]{8,}={0,2})\\*\"",
        "auth",
    ),
    # RFC 3986, 3.2.1. Some services expect a token as user name. A placeholder of a template is not a secret.
    _pattern(
        "a password in a URL",
        r"://(?P<secret>[^\s/:@\"'<>\\]{0,250}:[^\s/@\"'<>${%*\[][^\s/@\"'<>{]{0,250})@",
        "://",
    ),
)

_WITHOUT_HINTS = tuple(each for each in PATTERNS if not each.hints)
_ALL_HINTS = tuple(dict.fromkeys(hint for each in PATTERNS for hint in each.hints))
_PATTERNS_OF_HINT = tuple(tuple(each for each in PATTERNS if hint in each.hints) for hint in _ALL_HINTS)
_HINT_SEARCHER = AhoCorasick(_ALL_HINTS, store_patterns=False)
