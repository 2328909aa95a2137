"""Tests of AWS's part of the boot program with a fake curl, which answers as the services of AWS."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

CLOUD_PART = Path(__file__).resolve().parents[4] / "providers/aws/boot.sh"
CURL = """#!/bin/sh
data=
for word; do
    case ${previous:-} in --data) data=$word ;; esac
    previous=$word
    url=$word
done
case $url in https://store/*) echo "$url $*" >>"$FAKE/calls" ;; esac
[ -z "$data" ] || { echo "$data" >>"$FAKE/calls"; exit 0; }
cat >/dev/null
case $url in
*/api/token) echo token ;;
*/instance-id) echo i-0123 ;;
*/availability-zone) echo eu-central-1b ;;
*/local-ipv4) echo 10.20.64.9 ;;
*/security-credentials/) echo role ;;
*/security-credentials/role) echo '{"AccessKeyId": "a", "SecretAccessKey": "b", "Token": "c"}' ;;
esac
"""
POOL_GROUPS = "eu-central-1a=c-pool-a eu-central-1b=c-pool-a-zone-2"


@pytest.fixture
def fake(tmp_path: Path) -> Path:
    (tmp_path / "curl").write_text(CURL)
    (tmp_path / "curl").chmod(0o755)
    return tmp_path


def run(fake: Path, commands: str, group: str) -> list[str]:
    """Run commands of the cloud's part on an emulated machine. Return the forms of its calls."""
    program = f"set -eu\nBOOT_NAME= CA_FILE= KIND=pools\n. {CLOUD_PART}\ncloud_identity\n{commands}\n"
    environment = {
        "PATH": f"{fake}:/usr/bin:/bin",
        "FAKE": str(fake),
        "REGION": "eu-central-1",
        "GROUP": group,
        "METADATA": "http://metadata",
        "AUTOSCALING": "https://autoscaling",
        "STORE": "https://store",
    }
    subprocess.run(["sh", "-c", program], env=environment, check=True, stdin=subprocess.DEVNULL, timeout=30)
    calls = fake / "calls"
    return calls.read_text().splitlines() if calls.exists() else []


@pytest.mark.parametrize(
    ("group", "name"), [("c-cp-1", "c-cp-1"), (POOL_GROUPS, "c-pool-a-zone-2")], ids=["member", "pool"]
)
def test_a_machine_completes_and_renews_the_hooks_of_its_own_group(fake: Path, group: str, name: str) -> None:
    renewed, left = run(fake, "cloud_renew\ncloud_left", group)
    assert renewed == (
        f"Action=RecordLifecycleActionHeartbeat&AutoScalingGroupName={name}&InstanceId=i-0123"
        "&LifecycleHookName=leaving&Version=2011-01-01"
    )
    assert f"Action=CompleteLifecycleAction&AutoScalingGroupName={name}&" in left


def test_an_unhealthy_machine_is_replaced_by_its_group(fake: Path) -> None:
    (call,) = run(fake, "cloud_unhealthy", "c-cp-1")
    assert call == (
        "Action=SetInstanceHealth&HealthStatus=Unhealthy&InstanceId=i-0123&ShouldRespectGracePeriod=false"
        "&Version=2011-01-01"
    )


def test_parameters_of_calls_are_sorted_as_the_signature_requires(fake: Path) -> None:
    for call in run(fake, "cloud_renew\ncloud_left\ncloud_ready\ncloud_unhealthy", "c-cp-1"):
        names = [pair.partition("=")[0] for pair in call.split("&")]
        assert names == sorted(names)


def test_a_file_is_fetched_by_a_signed_request_below_its_prefix(fake: Path) -> None:
    (call,) = run(fake, 'cloud_artifact tool/1.0/abc "$FAKE/tool"', "c-cp-1")
    assert call.startswith("https://store/artifacts/tool/1.0/abc ")
    assert " --aws-sigv4 aws:amz:eu-central-1:s3 " in call
    assert f" --fail -o {fake}/tool " in call
