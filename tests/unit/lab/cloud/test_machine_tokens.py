"""Tests of AWS's part of the boot program with the real curl against the emulated AWS: tokens of machines.

Machines have the policies that the program creates, so the tests also show what IAM refuses.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from lab.cloud.running import MachineStates
from providers.aws.names import Names
from providers.aws.permissions import machine_statements
from providers.aws.policies import policy_document, template_values
from providers.cloud.machine_config import CONTROL_PLANES
from testkit.emulated_aws import LAB, REGION, emulated_aws
from tests.unit.lab.machines import MACHINE

AWS = Path(__file__).resolve().parents[4] / "providers/aws"
BUCKET = "kubewright-dev"
KEY = f"joins/arn:aws:ec2:{REGION}:123456789012:instance"
ENCRYPTION_KEY = f"arn:aws:kms:{REGION}:123456789012:key/store"
ROLES = {"workers": "pools/workers", "control-plane": CONTROL_PLANES}


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """Return the environment of the deployer of an emulated account with a store and roles of machines."""
    state = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBEWRIGHT_STATE", str(state))
        with emulated_aws(state) as found:
            _create_store(client("s3", found))
            names = Names(cluster="dev", region=REGION)
            values = template_values(names, bucket=BUCKET, key=ENCRYPTION_KEY)
            iam = client("iam", found)
            for role, prefix in ROLES.items():
                trust = json.dumps({"Version": "2012-10-17", "Statement": []})
                iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust)
                policy = policy_document(machine_statements(prefix, volume=False), values)
                iam.put_role_policy(RoleName=role, PolicyName="machine", PolicyDocument=policy)
            yield found


def _create_store(s3: Any) -> None:  # noqa: ANN401 — boto3
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": ENCRYPTION_KEY}
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration=rules)


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


class Shell:
    """Runs commands with AWS's part of the boot program as a machine with an id and a role."""

    def __init__(self, variables: Mapping[str, str], directory: Path) -> None:
        url = variables["AWS_ENDPOINT_URL"]
        self._environment = {
            "PATH": os.environ["PATH"],
            "CA_FILE": "",
            "METADATA": variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"],
            "REGION": REGION,
            "STORE": f"{url}/{BUCKET}",
            "EC2": url,
            "RUN": str(directory),
            "JOINS": KEY.replace(":", "%3A"),
        }

    def run(self, machine: str, role: str, commands: str) -> subprocess.CompletedProcess[str]:
        states = MachineStates.of(LAB)
        states.path.parent.mkdir(parents=True, exist_ok=True)
        states.add(replace(MACHINE, id=machine, identity=role, address="127.0.0.1"))
        program = f"set -eu\n. {AWS}/boot.sh\n. {AWS}/boot-machines.sh\n{commands}\n"
        return subprocess.run(
            ["sh", "-c", program], env=self._environment, capture_output=True, text=True, timeout=600
        )

    def write(self, machine: str, target: str) -> subprocess.CompletedProcess[str]:
        """Write the token of the machine `target` as a machine of a pool."""
        return self.run(
            machine, "workers", f'echo abc >"$RUN/token"; cloud_put "$JOINS/{target}" "$RUN/token"'
        )


@pytest.fixture
def shell(variables: Mapping[str, str], tmp_path: Path) -> Shell:
    return Shell(variables, tmp_path)


def test_only_control_planes_read_the_token_of_a_machine(shell: Shell, variables: Mapping[str, str]) -> None:
    result = shell.write("i-1", "i-1")
    assert result.returncode == 0, result.stderr
    stored = client("s3", variables).get_object(Bucket=BUCKET, Key=f"{KEY}/i-1")
    assert stored["Body"].read() == b"abc\n"
    read = shell.run("i-9", "control-plane", "cloud_token i-1")
    assert read.stdout == "abc\n", read.stderr
    for machine in ("i-1", "i-2"):
        refused = shell.run(machine, "workers", "cloud_token i-1")
        assert refused.returncode != 0
        assert "403" in refused.stderr


@pytest.mark.parametrize("target", ["i-2", "i-10", "i-1/x", "*"])
def test_a_machine_writes_no_token_of_another_machine(shell: Shell, target: str) -> None:
    result = shell.write("i-1", target)
    assert result.returncode != 0
    assert "403" in result.stderr


def test_new_machines_are_running_machines_of_pools(shell: Shell, variables: Mapping[str, str]) -> None:
    ec2 = client("ec2", variables)

    def start(cluster: str, kind: str) -> str:
        tags = [{"Key": "kubewright:cluster", "Value": cluster}, {"Key": "kubewright:kind", "Value": kind}]
        response = ec2.run_instances(
            ImageId="ami-12c6146b",
            MinCount=1,
            MaxCount=1,
            TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
        )
        return str(response["Instances"][0]["InstanceId"])

    expected = {start("dev", "pools"), start("dev", "pools")}
    start("dev", "members/control-plane")
    start("other", "pools")
    ec2.terminate_instances(InstanceIds=[start("dev", "pools")])
    found = shell.run("i-9", "control-plane", "cloud_new_machines dev")
    assert set(found.stdout.split()) == expected, found.stderr
    later = "date() { case $* in *ago*) echo 2099-01-01T00 ;; *) echo 2099-01-01T01 ;; esac; }\n"
    assert shell.run("i-9", "control-plane", f"{later}cloud_new_machines dev").stdout == ""
    assert shell.run("i-1", "workers", "cloud_new_machines dev").returncode != 0
