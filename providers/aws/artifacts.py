"""The program that fills the store with the files that machines fetch (`artifacts.store: own`).

Run as `python3 -m providers.aws.artifacts --region REGION --bucket BUCKET`, with the deployer's own
credentials. The files are in an environment variable (`providers.cloud.artifacts`). The exit code is 0 when
the store has all files, and 1 with one line on stderr otherwise.
"""

from __future__ import annotations

import argparse
import base64
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from providers.cloud.artifacts import PREFIX, run_fill
from providers.cloud.polling import run_program

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@dataclass(frozen=True)
class ArtifactStore:
    """The files below the prefix of the cluster's bucket."""

    s3: S3Client
    bucket: str

    def keys(self) -> set[str]:
        """Return the keys of all files, below the prefix."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"{PREFIX}/")
        return {item["Key"].removeprefix(f"{PREFIX}/") for page in pages for item in page.get("Contents", [])}

    def upload(self, key: str, content: BinaryIO) -> None:
        """Write a file, which S3 compares with the digest in its key."""
        digest = base64.b64encode(bytes.fromhex(key.rpartition("/")[2])).decode()
        self.s3.put_object(Bucket=self.bucket, Key=f"{PREFIX}/{key}", Body=content, ChecksumSHA256=digest)


def parse_arguments(words: Sequence[str]) -> argparse.Namespace:
    """Return the parsed command line. Print the usage and exit when the command line is invalid."""
    parser = argparse.ArgumentParser(prog="python3 -m providers.aws.artifacts")
    parser.add_argument("--region", required=True)
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--s3", default=None, help="URL of a private endpoint")
    parser.add_argument("--ca-file", default=None, help="certificate authority of private endpoints")
    return parser.parse_args(words)


def main(words: Sequence[str]) -> int:
    """Run the command line and return the exit code."""
    args = parse_arguments(words)

    def run() -> None:
        s3 = boto3.client(
            "s3",
            args.region,
            endpoint_url=args.s3,
            verify=args.ca_file,
            config=Config(retries={"max_attempts": 10, "mode": "adaptive"}),
        )
        run_fill(ArtifactStore(s3, args.bucket))

    return run_program(run, (ClientError, BotoCoreError, OSError))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
