"""Emulated S3 and Azure Blob Storage for copies of snapshots, with TLS on an address of this machine."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, cast

import boto3
import pytest

from lab.cloud.azure.container_store import container_server, sas_token
from lab.cloud.azure.responses import Server, in_background
from testkit.certificates import issue_certificate
from testkit.emulated_aws import LAB, emulated_aws

ACCOUNT, ACCOUNT_KEY = "backups", b"key of the emulated account"
BUCKET, CONTAINER = "etcd-copies", "etcd"
_TOKEN_HOURS = 12


@dataclass
class Stores:
    """Emulated services. `variables` are those of the deployer of AWS, `authority` is the file of the CA."""

    address: str
    variables: Mapping[str, str]
    s3: Any
    blob: Server
    authority: Path

    @property
    def blobs(self) -> dict[str, Any]:
        """Return the blobs by their paths."""
        blobs: dict[str, Any] = cast(Any, self.blob.RequestHandlerClass).blobs
        return blobs

    @property
    def objects(self) -> list[str]:
        """Return the keys of the objects in the bucket."""
        listed = self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return sorted(item["Key"] for item in listed)

    def clear(self) -> None:
        """Remove all objects and blobs."""
        self.blobs.clear()
        for key in self.objects:
            self.s3.delete_object(Bucket=BUCKET, Key=key)

    def read(self, key: str) -> bytes:
        """Return the content of an object."""
        content: bytes = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return content

    def targets(self) -> dict[str, Any]:
        """Return the setting `etcd.snapshots.to` with the targets `s3` and `blob`."""
        expiry = datetime.now(UTC) + timedelta(hours=_TOKEN_HOURS)
        return {
            "s3": {
                "keep": 2,
                "s3": {
                    "endpoint": self.variables["AWS_ENDPOINT_URL"],
                    "bucket": BUCKET,
                    "region": self.variables["AWS_REGION"],
                    "ca_file": str(self.authority),
                    "access_key_id": self.variables["AWS_ACCESS_KEY_ID"],
                    "secret_access_key": self.variables["AWS_SECRET_ACCESS_KEY"],
                },
            },
            "blob": {
                "azure_blob": {
                    # An address in place of a name has the account in the path.
                    "endpoint": f"https://{self.address}:{self.blob.server_address[1]}/{ACCOUNT}",
                    "account": ACCOUNT,
                    "container": CONTAINER,
                    "ca_file": str(self.authority),
                    "sas_token": sas_token(ACCOUNT, ACCOUNT_KEY, CONTAINER, "rcwdl", expiry),
                },
            },
        }


@contextmanager
def serve_stores(state: Path, address: str = "127.0.0.1") -> Iterator[Stores]:
    """Serve an empty bucket and an empty container. The emulation stores its files in `state`, which is
    `KUBEWRIGHT_STATE` of this process until the block ends.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBEWRIGHT_STATE", str(state))
        with _running_stores(state, address) as stores:
            yield stores


@contextmanager
def _running_stores(state: Path, address: str) -> Iterator[Stores]:
    authority = issue_certificate("authority")
    server = issue_certificate("server", issuer=authority, server=True, address=IPv4Address(address))
    files = {"ca": authority.certificate_pem, "crt": server.certificate_pem, "key": server.key_pem}
    for name, content in files.items():
        (state / f"stores.{name}").write_bytes(content)
    pair = (state / "stores.crt", state / "stores.key")
    blob = container_server(LAB, (address, 0), ACCOUNT, ACCOUNT_KEY)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*pair)
    blob.socket = context.wrap_socket(blob.socket, server_side=True)
    with emulated_aws(state, pair, address) as variables, in_background(blob):
        region = variables["AWS_REGION"]
        s3: Any = boto3.client(
            "s3",
            endpoint_url=variables["AWS_ENDPOINT_URL"],
            region_name=region,
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
            verify=str(state / "stores.ca"),
        )
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": region})
        yield Stores(address, variables, s3, blob, state / "stores.ca")
