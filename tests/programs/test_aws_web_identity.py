"""Tests of the emulated STS and of public objects: tokens of pods, trust policies, access by roles."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import ec

from providers.aws.names import Names
from providers.aws.pod_roles import AUDIENCE, issuer_bucket_policy, trust_of_pods
from providers.cloud.issuer_documents import discovery_document, key_set
from testkit.emulated_aws import REGION, emulated_aws
from testkit.service_account_tokens import public_pem, signed_token
from topology.service_account_tokens import DISCOVERY_PATH, JWKS_PATH

ACCOUNT, BUCKET, DATA = "123456789012", "example-issuer", "example-data"
ISSUER = f"https://{BUCKET}.s3.{REGION}.amazonaws.com"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/reader"
SUBJECT = "system:serviceaccount:web:reader"
OPEN = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": False,
    "RestrictPublicBuckets": False,
}


@dataclass
class Cloud:
    """An emulated account with an issuer, whose key signs tokens, and the role `reader`."""

    variables: Mapping[str, str]
    key: ec.EllipticCurvePrivateKey

    def client(self, service: str, credentials: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 — boto3
        keys = credentials or {
            "AccessKeyId": self.variables["AWS_ACCESS_KEY_ID"],
            "SecretAccessKey": self.variables["AWS_SECRET_ACCESS_KEY"],
        }
        return boto3.client(  # type: ignore[call-overload]
            service,
            region_name=REGION,
            endpoint_url=self.variables["AWS_ENDPOINT_URL"],
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys.get("SessionToken"),
        )

    def token(self, **claims: object) -> str:
        defaults = {"iss": ISSUER, "aud": [AUDIENCE], "sub": SUBJECT}
        return signed_token(self.key, {**defaults, **claims})

    def assume(self, token: str, role: str = ROLE) -> Mapping[str, str]:
        """Return the credentials for a token, by a request without a signature."""
        form = {
            "Action": "AssumeRoleWithWebIdentity",
            "Version": "2011-06-15",
            "RoleArn": role,
            "RoleSessionName": "test",
            "WebIdentityToken": token,
        }
        _, text = self.request("/", urllib.parse.urlencode(form).encode())
        return dict(re.findall(r"<(AccessKeyId|SecretAccessKey|SessionToken)>([^<]+)<", text))

    def request(self, path: str, body: bytes | None = None) -> tuple[int, str]:
        """Return the status and the text of a response to a request without a signature."""
        try:
            with urllib.request.urlopen(
                self.variables["AWS_ENDPOINT_URL"] + path, body, timeout=30
            ) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            raise Refused(f"{error.code} {error.read().decode()}") from None


class Refused(Exception):
    """Error with the status and the text of a response."""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    state = tmp_path_factory.mktemp("emulated")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBEWRIGHT_STATE", str(state))
        with emulated_aws(state) as variables:
            cloud = Cloud(variables, ec.generate_private_key(ec.SECP256R1()))
            _publish(cloud)
            _create_role(cloud)
            yield cloud


def _publish(cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    for bucket in (BUCKET, DATA):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    policy = issuer_bucket_policy(f"arn:aws:s3:::{BUCKET}")
    with pytest.raises(ClientError, match="public policies are blocked"):
        s3.put_bucket_policy(Bucket=BUCKET, Policy=policy)
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=OPEN)
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy)
    documents = {DISCOVERY_PATH: discovery_document(ISSUER), JWKS_PATH: key_set(public_pem(cloud.key))}
    for key, text in {**documents, "other": "private"}.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=text.encode())
    for key in ("reader/a", "writer/a"):
        s3.put_object(Bucket=DATA, Key=key, Body=key.encode())


def _create_role(cloud: Cloud) -> None:
    iam = cloud.client("iam")
    iam.create_open_id_connect_provider(Url=ISSUER, ClientIDList=[AUDIENCE])
    trust = trust_of_pods(Names(cluster="x", region=REGION), ACCOUNT, ISSUER, ["web/reader", "jobs/reader"])
    iam.create_role(RoleName="reader", AssumeRolePolicyDocument=trust)
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{DATA}/reader/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName="reader", PolicyName="p", PolicyDocument=policy)


def read(cloud: Cloud, credentials: Mapping[str, str], key: str) -> bytes:
    body: bytes = cloud.client("s3", credentials).get_object(Bucket=DATA, Key=key)["Body"].read()
    return body


def test_a_token_becomes_credentials_with_the_permissions_of_the_role(cloud: Cloud) -> None:
    credentials = cloud.assume(cloud.token())
    assert read(cloud, credentials, "reader/a") == b"reader/a"
    with pytest.raises(ClientError, match="reader may not s3:GetObject"):
        read(cloud, credentials, "writer/a")
    with pytest.raises(ClientError, match="reader may not s3:PutObject"):
        cloud.client("s3", credentials).put_object(Bucket=DATA, Key="reader/b", Body=b"")
    with pytest.raises(ClientError, match="reader may not iam:CreateRole"):
        cloud.client("iam", credentials).create_role(RoleName="x", AssumeRolePolicyDocument="{}")


def test_sdks_exchange_the_token_themselves(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variables are those that pods receive, and botocore finds the role by them."""
    file = tmp_path / "token"
    file.write_text(cloud.token(sub="system:serviceaccount:jobs:reader"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(file))
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.variables["AWS_ENDPOINT_URL"])
    session = boto3.Session(region_name=REGION)
    body = session.client("s3").get_object(Bucket=DATA, Key="reader/a")["Body"].read()
    assert body == b"reader/a"


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"sub": "system:serviceaccount:web:writer"}, "AccessDenied"),
        ({"sub": "system:serviceaccount:web:reader2"}, "AccessDenied"),
        ({"aud": ["https://kubernetes.default.svc"]}, "InvalidIdentityToken"),
        ({"aud": [AUDIENCE, "another"]}, "InvalidIdentityToken"),
        ({"iss": "https://kubernetes.default.svc"}, "no OpenIDConnect provider found"),
        ({"exp": 1_000_000_000}, "ExpiredTokenException"),
        ({"nbf": 4_000_000_000}, "not valid yet"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_tokens_of_others_get_no_credentials(cloud: Cloud, claims: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        cloud.assume(cloud.token(**claims))


def test_a_token_with_a_wrong_signature_is_refused(cloud: Cloud) -> None:
    header, claims, signature = cloud.token().split(".")
    other = cloud.token(sub="system:serviceaccount:web:writer").split(".")[1]
    with pytest.raises(Refused, match="the signature is not that of the issuer's key"):
        cloud.assume(f"{header}.{other}.{signature}")
    stranger = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(Refused, match="publishes no key"):
        cloud.assume(signed_token(stranger, {"iss": ISSUER, "aud": [AUDIENCE], "sub": SUBJECT}))
    for text in ("no token", f"{header}.{claims}"):
        with pytest.raises(Refused, match="not a JSON Web Token"):
            cloud.assume(text)


def test_a_role_that_does_not_exist_gives_no_credentials(cloud: Cloud) -> None:
    with pytest.raises(Refused, match="AccessDenied"):
        cloud.assume(cloud.token(), f"arn:aws:iam::{ACCOUNT}:role/unknown")


def test_a_removed_document_ends_the_trust_in_tokens(cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    s3.delete_object(Bucket=BUCKET, Key=JWKS_PATH)
    try:
        with pytest.raises(Refused, match="could not retrieve"):
            cloud.assume(cloud.token())
    finally:
        s3.put_object(Bucket=BUCKET, Key=JWKS_PATH, Body=key_set(public_pem(cloud.key)).encode())
    assert cloud.assume(cloud.token())


def test_everyone_reads_the_two_documents_and_nothing_else(cloud: Cloud) -> None:
    for key in (DISCOVERY_PATH, JWKS_PATH):
        status, text = cloud.request(f"/{BUCKET}/{key}")
        assert status == 200
        assert json.loads(text)
    for path in (f"/{BUCKET}/other", f"/{BUCKET}/", f"/{DATA}/reader/a", f"/{BUCKET}?list-type=2"):
        with pytest.raises(Refused, match="403"):
            cloud.request(path)


def test_a_public_access_block_overrides_the_policy(cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    closed = {**OPEN, "RestrictPublicBuckets": True}
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=closed)
    try:
        with pytest.raises(Refused, match="403"):
            cloud.request(f"/{BUCKET}/{JWKS_PATH}")
    finally:
        s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=OPEN)
