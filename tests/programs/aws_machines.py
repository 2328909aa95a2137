"""Machines of the emulated AWS that run AWS's part of the boot program, and what they use."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from lab.cloud.running import MachineStates
from testkit.emulated_aws import LAB, REGION
from tests.unit.lab.machines import MACHINE

PROGRAMS = Path(__file__).resolve().parents[2] / "providers/aws"
STORE = "kubewright-dev"


def client(service: str, variables: Mapping[str, str], region: str = REGION) -> Any:  # noqa: ANN401 — boto3
    return boto3.client(  # type: ignore[call-overload]
        service,
        region_name=region,
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        # The first instance takes the emulation a long time on a busy machine.
        config=Config(read_timeout=600, retries={"max_attempts": 0}),
    )


def create_bucket(variables: Mapping[str, str], name: str, key: str, region: str = REGION) -> None:
    """Create a bucket whose objects are encrypted with a KMS key."""
    s3 = client("s3", variables, region)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration=rules)


def create_role(variables: Mapping[str, str], name: str, policies: Mapping[str, str]) -> None:
    """Create a role with policies by their names."""
    iam = client("iam", variables)
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    for policy, document in policies.items():
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=document)


class BootShell:
    """Runs commands with parts of AWS's boot program as a machine with an id and a role."""

    def __init__(
        self, variables: Mapping[str, str], directory: Path, parts: tuple[str, ...], **more: str
    ) -> None:
        self._parts = "".join(f". {PROGRAMS / part}\n" for part in parts)
        self._environment = {
            "PATH": os.environ["PATH"],
            "CA_FILE": "",
            "METADATA": variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"],
            "REGION": REGION,
            "STORE": f"{variables['AWS_ENDPOINT_URL']}/{STORE}",
            "RUN": str(directory),
            **more,
        }

    def run(self, machine: str, role: str, commands: str) -> subprocess.CompletedProcess[str]:
        states = MachineStates.of(LAB)
        states.path.parent.mkdir(parents=True, exist_ok=True)
        states.add(replace(MACHINE, id=machine, identity=role, address="127.0.0.1"))
        return subprocess.run(
            ["sh", "-c", f"set -eu\n{self._parts}{commands}\n"],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=600,
        )
