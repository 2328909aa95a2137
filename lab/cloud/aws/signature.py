"""Verification of request signatures as in AWS (Signature Version 4).

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

MAX_CLOCK_SKEW = datetime.timedelta(minutes=5)

_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<day>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)"
    r"/aws4_request,"
    r"\s*SignedHeaders=(?P<headers>[^,]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)


class RequestRefused(Exception):
    """Error for a request that AWS would refuse, with AWS's error code, the reason and the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 403) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class SignedRequest:
    """A request with a valid signature: the AWS service, the region, and the session that signed it."""

    def __init__(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, sessions: Sessions
    ) -> None:
        """Verify the signature of a request. `headers` are keyed by lower-case name. Raise RequestRefused."""
        match = _HEADER.fullmatch(headers.get("authorization", ""))
        if match is None:
            raise RequestRefused("MissingAuthenticationToken", "the request has no signature of version 4")
        self.service, self.region = match["service"], match["region"]
        session = sessions.find(match["key"])
        if session is None:
            raise RequestRefused("InvalidClientTokenId", "the key is not known, or its time is over")
        self.session: Session = session
        signed = match["headers"].split(";")
        self._check_headers(headers, signed, body)
        request = AWSRequest(method=method, url=url, data=body, headers={key: headers[key] for key in signed})
        request.context["timestamp"] = headers["x-amz-date"]
        signer = (S3SigV4Auth if self.service == "s3" else SigV4Auth)(
            Credentials(session.key, session.secret, session.token or None), self.service, self.region
        )
        text = signer.string_to_sign(request, signer.canonical_request(request))
        if not hmac.compare_digest(signer.signature(text, request), match["signature"]):
            raise RequestRefused(
                "SignatureDoesNotMatch", "the signature is not that of this request by this key"
            )

    def _check_headers(self, headers: Mapping[str, str], signed: list[str], body: bytes) -> None:
        missing = sorted({"host", "x-amz-date"} - set(signed))
        # The signature must cover all x-amz-* headers of the request.
        missing += sorted(name for name in headers if name.startswith("x-amz-") and name not in signed)
        if missing or any(name not in headers for name in signed):
            raise RequestRefused(
                "SignatureDoesNotMatch", f"not signed: {', '.join(missing) or 'a header that is not there'}"
            )
        if headers.get("x-amz-security-token", "") != self.session.token:
            raise RequestRefused("InvalidToken", "the security token is not the one of this key", 400)
        digest = headers.get("x-amz-content-sha256", "")
        if self.service == "s3" and not digest:
            raise RequestRefused(
                "InvalidRequest", "Missing required header for this request: x-amz-content-sha256", 400
            )
        valid_digests = ("", "UNSIGNED-PAYLOAD", hashlib.sha256(body).hexdigest())
        if digest not in valid_digests and not digest.startswith("STREAMING-"):
            raise RequestRefused("XAmzContentSHA256Mismatch", "the body is not the one that was signed", 400)
        signed_at = datetime.datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(
            tzinfo=datetime.UTC
        )
        if abs(datetime.datetime.now(datetime.UTC) - signed_at) > MAX_CLOCK_SKEW:
            raise RequestRefused("RequestTimeTooSkewed", "the request's time is too far from this one's")
