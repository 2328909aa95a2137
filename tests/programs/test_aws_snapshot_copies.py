"""Tests of copies of snapshots by the boot program, with the real curl against the emulated AWS.

The bucket is in another region. Machines have the policy that the program creates.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from providers.aws.names import Names
from providers.aws.permissions import COPIES, machine_statements
from providers.aws.policies import policy_document, template_values
from providers.cloud.machine_config import CONTROL_PLANES
from testkit.emulated_aws import REGION, emulated_aws
from tests.programs.aws_machines import BootShell, client, create_bucket, create_role

OTHER_REGION = "eu-west-1"
ACCOUNT = "123456789012"
NAMES = Names(cluster="dev", region=REGION)
BUCKET = NAMES.copies_bucket(ACCOUNT, OTHER_REGION)
KEY = f"arn:aws:kms:{OTHER_REGION}:{ACCOUNT}:key/copies"
SNAPSHOT = "etcd-20261120T120000Z-cp-1.db"


def role_policy(copies_region: str) -> str:
    """Return the policy for copies of a cluster whose copies are in this region."""
    values = template_values(
        NAMES, account=ACCOUNT, copies=BUCKET, copies_key=KEY, copies_region=copies_region
    )
    return policy_document(COPIES, values)


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """Return the environment of the deployer of an emulated account with a bucket for copies.

    The account has the roles of control planes of two clusters, whose copies are in different regions.
    """
    state = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBEWRIGHT_STATE", str(state))
        with emulated_aws(state) as found:
            create_bucket(found, BUCKET, KEY, OTHER_REGION)
            machine = policy_document(
                machine_statements(CONTROL_PLANES, volume=True),
                template_values(NAMES, account=ACCOUNT, key=KEY),
            )
            roles = {"member": role_policy(OTHER_REGION), "of-other-region": role_policy("eu-north-1")}
            for role, copies in roles.items():
                create_role(found, role, {"machine": machine, "copies": copies})
            yield found


class Member:
    """A control plane with AWS's part of its boot program."""

    def __init__(self, variables: Mapping[str, str], directory: Path) -> None:
        self._shell = BootShell(
            variables,
            directory,
            ("boot.sh", "boot-copies.sh"),
            COPIES=f"{variables['AWS_ENDPOINT_URL']}/{BUCKET}",
            COPIES_REGION=OTHER_REGION,
        )
        (directory / SNAPSHOT).write_text("data of etcd")

    def run(self, commands: str, role: str = "member") -> subprocess.CompletedProcess[str]:
        return self._shell.run(f"i-{role}", role, commands)


@pytest.fixture
def member(variables: Mapping[str, str], tmp_path: Path) -> Member:
    return Member(variables, tmp_path)


def test_a_member_writes_copies_and_neither_reads_nor_deletes_them(
    member: Member, variables: Mapping[str, str]
) -> None:
    result = member.run(f'cloud_copy {SNAPSHOT} "$RUN/{SNAPSHOT}"')
    assert result.returncode == 0, result.stderr
    stored = client("s3", variables, OTHER_REGION).get_object(Bucket=BUCKET, Key=SNAPSHOT)
    assert stored["Body"].read() == b"data of etcd"
    call = "REGION=$COPIES_REGION; aws_signed s3 \"$(printf '' | aws_sum)\" --fail"
    for arguments in ("", "-X DELETE"):
        refused = member.run(f'{call} {arguments} "$COPIES/{SNAPSHOT}"')
        assert refused.returncode != 0
        assert "403" in refused.stderr


def test_the_key_of_the_other_region_is_needed(member: Member) -> None:
    """The condition of the policy names the region of the bucket, which the request is signed for."""
    refused = member.run(f'cloud_copy {SNAPSHOT} "$RUN/{SNAPSHOT}"', role="of-other-region")
    assert refused.returncode != 0
    assert "403" in refused.stderr


def test_a_boundary_limits_the_policies_of_a_role(member: Member, variables: Mapping[str, str]) -> None:
    iam = client("iam", variables)
    for action, code in (("s3:GetObject", False), ("s3:PutObject", True)):
        statement = {"Effect": "Allow", "Action": [action, "kms:GenerateDataKey"], "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        name = action.partition(":")[2]
        boundary = iam.create_policy(PolicyName=name, PolicyDocument=document)["Policy"]["Arn"]
        iam.put_role_permissions_boundary(RoleName="member", PermissionsBoundary=boundary)
        written = member.run(f'cloud_copy {name} "$RUN/{SNAPSHOT}"')
        assert (written.returncode == 0) is code, written.stderr
    iam.delete_role_permissions_boundary(RoleName="member")
