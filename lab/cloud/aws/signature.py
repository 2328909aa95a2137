"""Verification of request signatures, with the rules of AWS for signed headers.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import re
from collections.abc import Mapping

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from lab.cloud.aws.sessions import Session, Sessions

SKEW = datetime.timedelta(minutes=5)

_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<day>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)"
    r"/aws4_request,"
    r"\s*SignedHeaders=(?P<headers>[^,]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)


class Refused(Exception):
    """The error for a request that AWS would refuse, with the AWS error code and the reason."""

    def __init__(self, code: str, message: str, status: int = 403) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class Signed:
    """A request with a valid signature. It has the access key and the service."""

    def __init__(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, known: Sessions
    ) -> None:
        """Verify the signature of a request. `headers` are keyed by lower-case name. Raises Refused."""
        found = _HEADER.fullmatch(headers.get("authorization", ""))
        if found is None:
            raise Refused("MissingAuthenticationToken", "the request has no signature of version 4")
        self.service, self.region = found["service"], found["region"]
        session = known.find(found["key"])
        if session is None:
            raise Refused("InvalidClientTokenId", "the key is not known, or its time is over")
        self.session: Session = session
        signed = found["headers"].split(";")
        self._check_headers(headers, signed, body)
        request = AWSRequest(method=method, url=url, data=body, headers={key: headers[key] for key in signed})
        request.context["timestamp"] = headers["x-amz-date"]
        signer = (S3SigV4Auth if self.service == "s3" else SigV4Auth)(
            Credentials(session.key, session.secret, session.token or None), self.service, self.region
        )
        text = signer.string_to_sign(request, signer.canonical_request(request))
        if not hmac.compare_digest(signer.signature(text, request), found["signature"]):
            raise Refused("SignatureDoesNotMatch", "the signature is not that of this request by this key")

    def _check_headers(self, headers: Mapping[str, str], signed: list[str], body: bytes) -> None:
        missing = sorted({"host", "x-amz-date"} - set(signed))
        # The signature must cover all x-amz-* headers of the request.
        missing += sorted(name for name in headers if name.startswith("x-amz-") and name not in signed)
        if missing or any(name not in headers for name in signed):
            raise Refused(
                "SignatureDoesNotMatch", f"not signed: {', '.join(missing) or 'a header that is not there'}"
            )
        if headers.get("x-amz-security-token", "") != self.session.token:
            raise Refused("InvalidToken", "the security token is not the one of this key", 400)
        digest = headers.get("x-amz-content-sha256", "")
        if self.service == "s3" and not digest:
            raise Refused(
                "InvalidRequest", "Missing required header for this request: x-amz-content-sha256", 400
            )
        good = ("", "UNSIGNED-PAYLOAD", hashlib.sha256(body).hexdigest())
        if digest not in good and not digest.startswith("STREAMING-"):
            raise Refused("XAmzContentSHA256Mismatch", "the body is not the one that was signed", 400)
        when = datetime.datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(
            tzinfo=datetime.UTC
        )
        if abs(datetime.datetime.now(datetime.UTC) - when) > SKEW:
            raise Refused("RequestTimeTooSkewed", "the request's time is too far from this one's")
