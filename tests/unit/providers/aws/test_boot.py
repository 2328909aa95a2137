"""Tests of AWS's part of the boot program with a fake curl, which answers as the services of AWS."""

from __future__ import annotations

import subprocess
from pathlib import Path
from urllib.parse import parse_qs

import pytest

AWS = Path(__file__).resolve().parents[4] / "providers/aws"
CLOUD_PART, CONTROL_PLANE_PART = AWS / "boot.sh", AWS / "boot-machines.sh"
CURL = """#!/bin/sh
data=
for word; do
    case ${previous:-} in --data) data=$word ;; esac
    previous=$word
    url=$word
done
case $url in https://store/*) echo "$url $*" >>"$FAKE/calls" ;; esac
if [ -n "$data" ]; then
    echo "$data" >>"$FAKE/calls"
    [ ! -e "$FAKE/answer" ] || cat "$FAKE/answer"
    exit "$(cat "$FAKE/code" 2>/dev/null || echo 0)"
fi
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
    parts = f". {CLOUD_PART}\n. {CONTROL_PLANE_PART}"
    program = f"set -eu\nBOOT_NAME= CA_FILE= KIND=pools\n{parts}\ncloud_identity\n{commands}\n"
    environment = {
        "PATH": f"{fake}:/usr/bin:/bin",
        "FAKE": str(fake),
        "REGION": "eu-central-1",
        "GROUP": group,
        "METADATA": "http://metadata",
        "AUTOSCALING": "https://autoscaling",
        "STORE": "https://store",
        "EC2": "https://ec2",
        "RUN": str(fake),
        "JOINS": "joins/arn%3Aaws%3Aec2%3Aeu-central-1%3A123456789012%3Ainstance",
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
    commands = "cloud_renew\ncloud_left\ncloud_ready\ncloud_unhealthy\ncloud_new_machines c"
    for call in run(fake, commands, "c-cp-1"):
        names = [pair.partition("=")[0] for pair in call.split("&")]
        assert names == sorted(names)


def test_a_file_is_fetched_by_a_signed_request_below_its_prefix(fake: Path) -> None:
    (call,) = run(fake, 'cloud_artifact tool/1.0/abc "$FAKE/tool"', "c-cp-1")
    assert call.startswith("https://store/artifacts/tool/1.0/abc ")
    assert " --aws-sigv4 aws:amz:eu-central-1:s3 " in call
    assert f" --fail -o {fake}/tool " in call


def test_new_machines_are_those_of_pools_that_run_and_were_launched_in_the_last_hours(fake: Path) -> None:
    (fake / "answer").write_text(
        "<item><instanceId>i-0a</instanceId><launchTime>2026-01-01T00:00:00.000Z</launchTime></item>"
        "<item>\n<instanceId>i-0b</instanceId></item>"
    )
    (fake / "date").write_text(
        '#!/bin/sh\ncase $* in *"1 hour ago"*) echo 2026-01-01T23 ;; *) echo 2026-01-02T00 ;; esac\n'
    )
    (fake / "date").chmod(0o755)
    (call,) = run(fake, 'cloud_new_machines dev >"$FAKE/found"', "c-cp-1")
    assert (fake / "found").read_text() == "i-0a\ni-0b\n"
    form = parse_qs(call)
    filters = {form[f"Filter.{n}.Name"][0]: form[f"Filter.{n}.Value.1"][0] for n in (1, 2, 3, 4)}
    assert form["Action"] == ["DescribeInstances"]
    assert filters == {
        "instance-state-name": "running",
        "launch-time": "2026-01-02T00*",
        "tag:kubewright:cluster": "dev",
        "tag:kubewright:kind": "pools",
    }
    assert form["Filter.2.Value.2"] == ["2026-01-01T23*"]


def test_an_unanswered_question_about_machines_is_an_error(fake: Path) -> None:
    (fake / "code").write_text("22")
    run(fake, '! cloud_new_machines dev >"$FAKE/found"', "c-cp-1")
    assert (fake / "found").read_text() == ""


def test_control_planes_read_the_token_of_a_machine_by_its_arn(fake: Path) -> None:
    (call,) = run(fake, "cloud_token i-0a", "c-cp-1")
    url = "https://store/joins/arn%3Aaws%3Aec2%3Aeu-central-1%3A123456789012%3Ainstance/i-0a"
    assert call.startswith(f"{url} ")
    assert " --fail -o - " in call
