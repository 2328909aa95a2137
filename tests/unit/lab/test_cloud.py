"""Tests of the emulated clouds without servers: policies, signatures and running machines."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from lab.cloud.aws.policy import is_allowed
from lab.cloud.aws.sessions import Session, Sessions
from lab.cloud.aws.signature import RequestRefused, SignedRequest
from lab.cloud.running import MachineStates
from tests.unit.lab.machines import MACHINE

OBJECT = "arn:aws:s3:::b/members/a/x"


def policy(*statements: dict[str, Any]) -> list[str]:
    """Return an IAM policy document with these statements, in a list."""
    return [json.dumps({"Version": "2012-10-17", "Statement": list(statements)})]


def statement(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 — JSON
    """Return an IAM statement that allows reads of member objects. `changes` replace single keys."""
    return {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/members/*"} | changes


def test_only_named_actions_are_allowed() -> None:
    assert is_allowed(policy(statement()), "s3:GetObject", OBJECT, {})
    assert not is_allowed([], "s3:GetObject", OBJECT, {})
    assert not is_allowed(policy(statement()), "s3:PutObject", OBJECT, {})
    assert not is_allowed(policy(statement()), "s3:GetObject", "arn:aws:s3:::b/pools/x", {})
    assert is_allowed(policy(statement(Action=["s3:Put*", "s3:get*"])), "s3:GetObject", OBJECT, {})


def test_explicit_denial_wins() -> None:
    denial = statement(Effect="Deny", Resource="*")
    assert not is_allowed(policy(statement(), denial), "s3:GetObject", OBJECT, {})


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({"StringEquals": {"aws:ResourceTag/Kind": "x"}}, {"aws:resourcetag/kind": "x"}, True),
        ({"StringEquals": {"aws:ResourceTag/Kind": ["y", "x"]}}, {"aws:resourcetag/kind": "x"}, True),
        ({"StringEquals": {"aws:ResourceTag/Kind": "x"}}, {"aws:resourcetag/kind": "y"}, False),
        ({"StringEquals": {"aws:ResourceTag/Kind": "x"}}, {}, False),
        ({"StringEqualsIfExists": {"aws:ResourceTag/Kind": "x"}}, {}, True),
        ({"StringNotEquals": {"k": "x"}}, {"k": "x"}, False),
        ({"StringNotEquals": {"k": "x"}}, {}, True),
        ({"StringLike": {"k": "a/*"}}, {"k": "a/b"}, True),
        ({"StringLike": {"k": "[ab]"}}, {"k": "a"}, False),
        ({"Null": {"k": "true"}}, {}, True),
        ({"Bool": {"aws:SecureTransport": False}}, {"aws:securetransport": "true"}, False),
    ],
)
def test_conditions(condition: dict[str, Any], context: dict[str, str], holds: bool) -> None:
    assert is_allowed(policy(statement(Condition=condition)), "s3:GetObject", OBJECT, context) is holds


def test_unknown_condition_operator_is_an_error() -> None:
    unknown = policy(statement(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))
    with pytest.raises(ValueError, match="IpAddress is not known"):
        is_allowed(unknown, "s3:GetObject", OBJECT, {"aws:sourceip": "10.0.0.1"})


@pytest.fixture
def sessions() -> Sessions:
    return Sessions("admin-secret")


def signed_headers(
    session: Session, service: str, url: str, body: bytes = b"", **more: str
) -> dict[str, str]:
    """Return the headers of a request that botocore signed, by lower-case name."""
    request = AWSRequest(method="GET", url=url, data=body, headers={"Host": "gw:8443", **more})
    keys = Credentials(session.key, session.secret, session.token or None)
    (S3SigV4Auth if service == "s3" else SigV4Auth)(keys, service, "eu-central-1").add_auth(request)
    return {key.lower(): value for key, value in request.headers.items()}


@pytest.mark.parametrize(
    ("service", "url"), [("s3", "https://gw:8443/b/a%20b?x=1"), ("ec2", "https://gw:8443/")]
)
def test_valid_signature_has_a_session(sessions: Sessions, service: str, url: str) -> None:
    session = sessions.issue(MACHINE)
    request = SignedRequest("GET", url, signed_headers(session, service, url), b"", sessions)
    assert (request.session, request.service) == (session, service)
    assert sessions.issue(MACHINE) == session


def refusal_code(sessions: Sessions, headers: dict[str, str], url: str, body: bytes = b"") -> str:
    """Return the error code with which a request is refused."""
    with pytest.raises(RequestRefused) as caught:
        SignedRequest("GET", url, headers, body, sessions)
    return caught.value.code


def test_invalid_signature_is_refused(sessions: Sessions) -> None:
    url = "https://gw:8443/b/k"
    session = sessions.issue(MACHINE)
    good = signed_headers(session, "s3", url)
    assert refusal_code(sessions, {}, url) == "MissingAuthenticationToken"
    assert refusal_code(sessions, good, "https://gw:8443/b/other") == "SignatureDoesNotMatch"
    assert refusal_code(sessions, good | {"x-amz-acl": "public-read"}, url) == "SignatureDoesNotMatch"
    assert refusal_code(sessions, good, url, b"another body") == "XAmzContentSHA256Mismatch"
    assert refusal_code(sessions, good | {"x-amz-security-token": "x"}, url) == "InvalidToken"
    assert refusal_code(Sessions("other"), good, url) == "InvalidClientTokenId"
    late = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=6)
    old = good | {"x-amz-date": late.strftime("%Y%m%dT%H%M%SZ")}
    assert refusal_code(sessions, old, url) == "RequestTimeTooSkewed"


def test_machines_are_added_updated_and_removed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBEWRIGHT_STATE", str(tmp_path))
    states = MachineStates.of("kwx")
    assert states.all() == ()
    states.add(MACHINE)
    states.update("i-1", lifecycle="Terminated", hook="leaving")
    machine = states.by_address("10.0.0.10")
    assert machine is not None
    assert (machine.lifecycle, machine.hook) == ("Terminated", "leaving")
    states.remove("i-1")
    assert states.by_id("i-1") is None
