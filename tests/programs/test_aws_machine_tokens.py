"""Tests of AWS's part of the boot program with the real curl against the emulated AWS: tokens of machines.

Machines have the policies that the program creates, so the tests also show what IAM refuses.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from providers.aws.names import Names
from providers.aws.permissions import machine_statements
from providers.aws.policies import policy_document, template_values
from providers.cloud.machine_config import CONTROL_PLANES
from testkit.emulated_aws import REGION, emulated_aws
from tests.programs.aws_machines import STORE, BootShell, client, create_bucket, create_role

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
            create_bucket(found, STORE, ENCRYPTION_KEY)
            names = Names(cluster="dev", region=REGION)
            values = template_values(names, bucket=STORE, key=ENCRYPTION_KEY)
            for role, prefix in ROLES.items():
                policy = policy_document(machine_statements(prefix, volume=False), values)
                create_role(found, role, {"machine": policy})
            yield found


class Shell(BootShell):
    """A machine that writes tokens of other machines."""

    def __init__(self, variables: Mapping[str, str], directory: Path) -> None:
        super().__init__(
            variables,
            directory,
            ("boot.sh", "boot-machines.sh"),
            EC2=variables["AWS_ENDPOINT_URL"],
            JOINS=KEY.replace(":", "%3A"),
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
    stored = client("s3", variables).get_object(Bucket=STORE, Key=f"{KEY}/i-1")
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
