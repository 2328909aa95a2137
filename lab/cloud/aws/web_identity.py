"""The emulated operation AssumeRoleWithWebIdentity of STS: credentials of a role for a token of a pod.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from moto.iam.models import OpenIDConnectProvider, Role, iam_backends

from lab.cloud.aws.metadata import ACCOUNT
from lab.cloud.aws.policy import is_allowed
from lab.cloud.aws.public_objects import read_public_object
from lab.cloud.aws.sessions import Session, Sessions
from lab.cloud.aws.signature import RequestRefused
from lab.cloud.web_tokens import TokenRefused, unverified_issuer, verified_claims

ACTION = "AssumeRoleWithWebIdentity"
_ISSUER = re.compile(r"https://(?P<bucket>[a-z0-9-]+)\.s3\.[a-z0-9-]+\.amazonaws\.com")
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}")


def assume_role(form: Mapping[str, str], sessions: Sessions) -> str:
    """Return the response as XML. Raise RequestRefused if the token is invalid or the role does not trust it.

    `form` has the parameters of the operation.
    """
    for parameter in ("RoleArn", "RoleSessionName", "WebIdentityToken"):
        if not form.get(parameter):
            raise RequestRefused("MissingParameter", f"the request must contain {parameter}", 400)
    if not _SESSION_NAME.fullmatch(form["RoleSessionName"]):
        raise RequestRefused("ValidationError", "RoleSessionName has characters that are not allowed", 400)
    try:
        provider = _find_provider(unverified_issuer(form["WebIdentityToken"]))
        claims = verified_claims(form["WebIdentityToken"], _read_document)
    except TokenRefused as error:
        code = "ExpiredTokenException" if error.expired else "InvalidIdentityToken"
        raise RequestRefused(code, str(error), 400) from None
    audiences = [claims["aud"]] if isinstance(claims["aud"], str) else list(claims["aud"])
    if len(audiences) != 1 or audiences[0] not in provider.client_id_list:
        raise RequestRefused("InvalidIdentityToken", f"incorrect token audience: {audiences}", 400)
    role = _find_role(form["RoleArn"])
    context = {f"{provider.url}:aud": audiences[0], f"{provider.url}:sub": str(claims["sub"])}
    if role is None or not trusts(str(role.assume_role_policy_document), provider.arn, context):
        raise RequestRefused("AccessDenied", f"not authorized to perform sts:{ACTION} on {form['RoleArn']}")
    return _response(sessions.assume(role.name), role, form["RoleSessionName"], claims)


def trusts(policy: str, provider: str, context: Mapping[str, str]) -> bool:
    """Return whether a trust policy allows an OpenID Connect provider (ARN) to assume the role.

    `context` has the values of condition keys.
    """
    statements = json.loads(policy)["Statement"]
    own = [
        {**statement, "Resource": "*"}
        for statement in (statements if isinstance(statements, list) else [statements])
        if _names_provider(statement.get("Principal"), provider)
    ]
    lowered = {key.lower(): value for key, value in context.items()}
    return is_allowed([json.dumps({"Statement": own})], f"sts:{ACTION}", "*", lowered)


def _names_provider(principal: Any, provider: str) -> bool:  # noqa: ANN401 — JSON
    federated = principal.get("Federated") if isinstance(principal, dict) else None
    return provider in (federated if isinstance(federated, list) else [federated])


def _find_provider(issuer: str) -> OpenIDConnectProvider:
    providers = iam_backends[ACCOUNT]["aws"].open_id_providers.values()
    found = next((item for item in providers if f"https://{item.url}" == issuer), None)
    if found is None:
        raise TokenRefused(f"no OpenIDConnect provider found in your account for {issuer}")
    return found


def _find_role(arn: str) -> Role | None:
    return next((role for role in iam_backends[ACCOUNT]["aws"].roles.values() if role.arn == arn), None)


def _read_document(url: str) -> bytes:
    """Return a public document. Only URLs of buckets exist in the emulation."""
    host, _, path = url.removeprefix("https://").partition("/")
    match = _ISSUER.fullmatch(f"https://{host}")
    if match is None:
        raise TokenRefused(f"{url} is not the URL of a bucket")
    try:
        return read_public_object(match["bucket"], path)
    except RequestRefused as error:
        raise TokenRefused(f"could not retrieve {url}: {error}") from None


def _response(session: Session, role: Role, session_name: str, claims: Mapping[str, Any]) -> str:
    values = {
        "AccessKeyId": session.key,
        "SecretAccessKey": session.secret,
        "SessionToken": session.token,
        "Expiration": session.expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    credentials = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in values.items())
    user = (
        f"<Arn>arn:aws:sts::{ACCOUNT}:assumed-role/{role.name}/{session_name}</Arn>"
        f"<AssumedRoleId>{role.id}:{session_name}</AssumedRoleId>"
    )
    return (
        f'<{ACTION}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{ACTION}Result>'
        f"<SubjectFromWebIdentityToken>{escape(str(claims['sub']))}</SubjectFromWebIdentityToken>"
        f"<AssumedRoleUser>{user}</AssumedRoleUser><Credentials>{credentials}</Credentials>"
        f"</{ACTION}Result></{ACTION}Response>"
    )
