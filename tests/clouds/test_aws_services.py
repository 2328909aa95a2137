"""Tests of the emulated AWS, which allows and rejects requests that Debian's curl sends from a host."""

from __future__ import annotations

import pytest

from lab import lifecycle, volumes
from lab.leftovers import find_leftovers
from tests.clouds.amazon import REGION, EmulatedAws, MachineLaunch

BUCKET = "kw-test"
ARN = f"arn:aws:s3:::{BUCKET}"
CLUSTER = {"kubernetes.io/cluster/test": "owned"}
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{ARN}/members/a/*"},
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"{ARN}/status/members/a/*"},
        {"Effect": "Allow", "Action": "ec2:DescribeVolumes", "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": "ec2:AttachVolume",
            "Resource": ["arn:aws:ec2:*:*:volume/*", "arn:aws:ec2:*:*:instance/*"],
            "Condition": {"StringEquals": {"aws:ResourceTag/kubernetes.io/cluster/test": "owned"}},
        },
    ],
}
LIBRARY = r"""
set -eu
meta() { curl -sf -H "X-aws-ec2-metadata-token: $TOKEN" "$METADATA/latest/meta-data/$1"; }
TOKEN=$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' "$METADATA/latest/api/token")
keys=$(meta "iam/security-credentials/$(meta iam/security-credentials/)")
field() { printf '%s\n' "$keys" | sed -n "s/.*\"$1\" *: *\"\\([^\"]*\\)\".*/\\1/p"; }
aws() {
    service=$1; shift
    printf 'user = "%s:%s"\nheader = "X-Amz-Security-Token: %s"\n' \
        "$(field AccessKeyId)" "$(field SecretAccessKey)" "$(field Token)" |
        curl -sS -K - --aws-sigv4 "aws:amz:$REGION:$service" -w '\n%{http_code}\n' "$@"
}
empty=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
get() { aws s3 -H "x-amz-content-sha256: $empty" "$STORE/$1"; }
put() { aws s3 -H "x-amz-content-sha256: $(sha256sum <"$2" | cut -d' ' -f1)" -T "$2" "$STORE/$1"; }
ec2() { aws ec2 -H 'Content-Type: application/x-www-form-urlencoded' -d "$1" "$API/"; }
"""


@pytest.fixture(scope="module")
def aws(amazon: EmulatedAws) -> EmulatedAws:
    s3 = amazon.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=BUCKET, Key="members/a/etcd.sh", Body=b"of a\n")
    s3.put_object(Bucket=BUCKET, Key="members/b/etcd.sh", Body=b"of b\n")
    amazon.role("node-a", POLICY)
    user_data = "#!/bin/sh\ntouch /root/ran\n"
    amazon.launch(
        MachineLaunch(host="a", address="10.121.0.10", user_data=user_data, role="node-a", tags=CLUSTER),
        MachineLaunch(host="b", address="10.121.0.11", user_data=user_data, role="node-a"),
    )
    return amazon


def run_on(amazon: EmulatedAws, command: str, host: str = "a") -> str:
    variables = {
        "METADATA": amazon.metadata_url,
        "STORE": f"{amazon.url}/{BUCKET}",
        "API": amazon.url,
        "REGION": REGION,
    }
    head = "".join(f"{name}={value}\n" for name, value in variables.items())
    return amazon.run(host, head + LIBRARY + command)


def status_code(amazon: EmulatedAws, command: str, host: str = "a") -> str:
    return run_on(amazon, command, host).splitlines()[-1]


def test_cloud_init_runs_the_user_data(aws: EmulatedAws) -> None:
    aws.run("a", "cloud-init status --wait && test -e /root/ran")
    assert aws.run("a", "hostname") == "ip-10-121-0-10"


def test_metadata_service_describes_the_caller_and_requires_a_token(aws: EmulatedAws) -> None:
    caller = aws.machine_at("10.121.0.10")
    assert run_on(aws, "meta instance-id") == caller.id
    assert run_on(aws, "meta placement/availability-zone; echo; meta local-ipv4").split() == [
        caller.zone,
        caller.address,
    ]
    assert run_on(aws, "meta autoscaling/target-lifecycle-state") == "InService"
    status = "curl -s -o /dev/null -w '%{http_code}'"
    item = f"{aws.metadata_url}/latest/meta-data"
    assert aws.run("a", f"{status} {item}/instance-id") == "401"
    assert run_on(aws, f'{status} -H "X-aws-ec2-metadata-token: $TOKEN" {item}/spot/instance-action') == "404"
    token = run_on(aws, 'printf %s "$TOKEN"', host="b")
    assert aws.run("a", f"{status} -H 'X-aws-ec2-metadata-token: {token}' {item}/instance-id") == "401"
    assert aws.run("a", f"{status} -X PUT {aws.metadata_url}/latest/api/token") == "400"


def test_role_reads_its_own_prefix_and_writes_its_status(aws: EmulatedAws) -> None:
    assert run_on(aws, "get members/a/etcd.sh") == "of a\n\n200"
    assert status_code(aws, "get members/b/etcd.sh") == "403"
    assert status_code(aws, "echo done > /tmp/s; put status/members/a/etcd /tmp/s") == "200"
    assert status_code(aws, "echo done > /tmp/s; put status/members/b/etcd /tmp/s") == "403"
    body = aws.client("s3").get_object(Bucket=BUCKET, Key="status/members/a/etcd")["Body"].read()
    assert body == b"done\n"


def test_requests_with_a_wrong_signature_are_refused(aws: EmulatedAws) -> None:
    assert status_code(aws, "curl -s -w '\\n%{http_code}\\n' $STORE/members/a/etcd.sh") == "403"
    wrong = 'field() { echo "$keys" | sed -n "s/.*\\"$1\\": \\"\\([^\\"]*\\)\\".*/\\1/p" | sed s/^./x/; }\n'
    assert status_code(aws, wrong + "get members/a/etcd.sh") == "403"
    assert "x-amz-content-sha256" in run_on(aws, "aws s3 $STORE/members/a/etcd.sh")
    keys = run_on(aws, 'printf %s "$keys"')
    stolen = f"keys='{keys}'\nget members/a/etcd.sh"
    assert status_code(aws, stolen) == "200"
    assert status_code(aws, stolen, host="b") == "403"


def test_volume_appears_where_it_is_attached_and_survives_its_machine(aws: EmulatedAws) -> None:
    ec2 = aws.client("ec2")
    tags = [{"ResourceType": "volume", "Tags": [{"Key": k, "Value": v} for k, v in CLUSTER.items()]}]
    volume = ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1, TagSpecifications=tags)["VolumeId"]
    path = f"/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_{volume.replace('-', '')}"
    first, other = aws.machine_at("10.121.0.10"), aws.machine_at("10.121.0.11")

    def attach(instance: str) -> str:
        form = f"Action=AttachVolume&Device=%2Fdev%2Fxvdu&InstanceId={instance}&Version=2016-11-15"
        return f"ec2 '{form}&VolumeId={volume}'"

    assert status_code(aws, attach(other.id)) == "403"  # the volume has no tag of the cluster
    assert status_code(aws, attach(first.id)) == "200"
    aws.run("a", f"mkfs.ext4 -q {path} && mount {path} /mnt && echo kept > /mnt/x")
    assert "VolumeInUse" in run_on(aws, attach(first.id))
    aws.terminate(first)
    assert volumes.attachment(aws.lab, volume) is None
    user_data = "#!/bin/sh\n"
    (replacement,) = aws.launch(
        MachineLaunch(host="a", address="10.121.0.10", user_data=user_data, role="node-a", tags=CLUSTER)
    )
    assert replacement.id != first.id
    aws.run("a", f"test ! -e {path}")
    assert status_code(aws, attach(replacement.id)) == "200"
    assert aws.run("a", f"mount {path} /mnt && cat /mnt/x") == "kept"


def test_removed_lab_leaves_nothing(aws: EmulatedAws) -> None:
    devices = volumes.loop_devices(aws.ca.parent)
    assert len(devices) == 1
    lifecycle.down(aws.lab)
    assert find_leftovers(aws.lab) == []
