"""A client of an image registry, as a person's machine outside of a cluster is one.

The client connects to an address and verifies the certificate for the name of the registry, so that no DNS
needs to know this name. https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import urllib3

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class RegistryClient:
    """A client with a login. Without `user`, the client has none."""

    def __init__(
        self, address: str, port: int, *, name: str, ca_file: Path, user: str = "", password: str = ""
    ) -> None:
        self._pool = urllib3.HTTPSConnectionPool(
            address,
            port,
            ca_certs=str(ca_file),
            cert_reqs="CERT_REQUIRED",
            server_hostname=name,
            assert_hostname=name,
            retries=False,
            timeout=60,
        )
        self._headers = urllib3.make_headers(basic_auth=f"{user}:{password}") if user else {}

    def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        """Send a request. `path` begins with /v2/."""
        return self._pool.request(
            method, path, body=body or None, headers={**self._headers, **(headers or {})}
        )

    def push(self, layout: Path, repository: str, tag: str) -> str:
        """Push the image of an OCI layout. Return its digest."""
        [entry] = json.loads((layout / "index.json").read_text())["manifests"]
        content = (layout / "blobs" / entry["digest"].replace(":", "/")).read_bytes()
        manifest: Any = json.loads(content)
        for item in (manifest["config"], *manifest["layers"]):
            self._push_blob(layout, repository, item["digest"])
        media_type = {"Content-Type": manifest.get("mediaType", _MANIFEST)}
        answer = self.request("PUT", f"/v2/{repository}/manifests/{tag}", content, media_type)
        assert answer.status == 201, f"{answer.status}: {answer.data!r}"
        return str(entry["digest"])

    def _push_blob(self, layout: Path, repository: str, digest: str) -> None:
        started = self.request("POST", f"/v2/{repository}/blobs/uploads/")
        assert started.status == 202, f"{started.status}: {started.data!r}"
        # The registry answers with relative URLs, which are the same at each of its addresses.
        location = started.headers["Location"]
        assert location.startswith("/v2/"), location
        path = f"{location}{'&' if '?' in location else '?'}digest={digest}"
        content = (layout / "blobs" / digest.replace(":", "/")).read_bytes()
        answer = self.request("PUT", path, content, {"Content-Type": "application/octet-stream"})
        assert answer.status == 201, f"{answer.status}: {answer.data!r}"

    def has(self, repository: str, tag: str) -> bool:
        """Check whether the registry has an image. Raise AssertionError for a refused login."""
        answer = self.request("HEAD", f"/v2/{repository}/manifests/{tag}", headers={"Accept": _MANIFEST})
        assert answer.status in (200, 404), answer.status
        return answer.status == 200

    def delete(self, repository: str, digest: str) -> None:
        """Delete an image by its digest."""
        answer = self.request("DELETE", f"/v2/{repository}/manifests/{digest}")
        assert answer.status == 202, f"{answer.status}: {answer.data!r}"
