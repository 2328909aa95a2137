"""Examples of the rule about secrets: inputs without a secret, and a change that adds one."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping
from typing import Any

from redaction import MASK
from tests.unit.policy.checks import KEY


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


SECRETS: list[tuple[str, str, Mapping[str, Any], Mapping[str, Any]]] = [
    # rule, type, inputs that comply, a change that breaks the rule
    ("no-plain-secret", "command:remote:Command", {"create": "true"}, {"create": f"cat <<E\n{KEY}E"}),
    (
        "no-plain-secret",
        "command:remote:Command",
        {"stdin": MASK},
        {"environment": {"A": "abcdef.0123456789abcdef"}},
    ),
    (
        "no-plain-secret",
        "command:remote:Command",
        {"connection": MASK},
        {"connection": {"password": "hunter2"}},
    ),
    ("no-plain-secret", "aws:x:Y", {"a": ["b"]}, {"a": ["b", "AKIAIOSFODNN7EXAMPLE"]}),
    (
        "no-plain-secret",
        "aws:x:Y",
        {"userData": base64.b64encode(b"#!/bin/sh\ntrue\n").decode()},
        {"userData": base64.b64encode(gzip.compress(KEY.encode(), mtime=0)).decode()},
    ),
    (
        "no-plain-secret",
        "azure:x:Y",
        {"customData": ""},
        {"customData": base64.b64encode(KEY.encode()).decode()},
    ),
    (
        "no-plain-secret",
        "kubernetes:core/v1:Secret",
        {"data": {"key": MASK}},
        {"stringData": {"anything": "at all"}},
    ),
    (
        "no-plain-secret",
        "kubernetes:helm.sh/v3:Release",
        {"values": {"adminPassword": MASK, "passwordPolicy": "strong"}},
        {"values": {"adminPassword": "admin"}},
    ),
    *(
        ("no-plain-secret", "kubernetes:core/v1:ConfigMap", {"data": {"x": good}}, {"data": {"x": bad}})
        for good, bad in [
            ("password: ${PASSWORD}\n", "a: b\n  password: hunter22\nc: d\n"),
            ("export TOKEN=$(cat /run/token)", "export TOKEN=hunter22"),
            ('{"token": "{{ .Values.token }}"}', '{"a": {"apiKey": "hunter22"}}'),
            ("--private-key-file=/etc/key", "--client-secret=hunter22"),
            ("postgres://user:${PASSWORD}@db/x", "postgres://user:hunter22@db/x"),
            ("-----BEGIN PGP PUBLIC KEY BLOCK-----", "-----BEGIN PGP PRIVATE KEY BLOCK-----"),
            ('{"auths":{}}', '{"auths":{"r":{"auth":"dXNlcjpodW50ZXIyMg=="}}}'),
            ("https://a/c?sv=2022", f"https://a/c?sv=2022&sig={'a' * 43}%3D"),
            ("xox", "xoxb-123456789012-abcdefgh"),
            (_encoded("password policy: strict"), _encoded("password: hunter22\n")),
            (_encoded("-----BEGIN CERTIFICATE-----"), _encoded("x: -----BEGIN RSA PRIVATE KEY-----")),
        ]
    ),
    *(
        ("no-plain-secret", "kubernetes:helm.sh/v3:Release", {"values": good}, {"values": {"a": [bad]}})
        for good, bad in [
            ({"httpTokens": "required"}, {"api_token": "hunter22"}),
            ({"token": "/var/run/token"}, {"private_key": "hunter22"}),
            ({"password": ""}, {"connectionString": "Server=x"}),
            (
                {"env": [{"name": "DB_PASSWORD", "valueFrom": {}}]},
                {"name": "DB_PASSWORD", "value": "hunter22"},
            ),
            ({"env": [{"name": "A", "value": "b"}]}, {"key": "client-secret", "value": "hunter22"}),
        ]
    ),
]
