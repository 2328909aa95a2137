"""Tests of the driver with the real engine: plans, locks, timeouts, several stacks, and masked secrets."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from testkit.cluster import CHECKOUT
from testkit.offline.command import FAIL_VARIABLE
from testkit.offline.machine import Machine
from testkit.stackfile import CLUSTER, Document
from tests.engine.stack import OfflineStack, keep_one_machine

MARKED_SECRET = "marked-S3cret"


@pytest.fixture(scope="module")
def deployed_stack(machine: Machine) -> OfflineStack:
    """Return a deployed stack with a single machine."""
    stack = OfflineStack.from_checkout(machine, "dev", _keep_one_machine_with_password)
    stack.name = "single"
    output = stack.up("--detailed-exit-code", "--events", str(machine.root / "single.jsonl"), check=False)
    assert output.code == 2, output.text
    return stack


@pytest.fixture
def single_host_stack(deployed_stack: OfflineStack) -> OfflineStack:
    """Return the stack with its first configuration. Another test may have deployed another one."""
    return replace(deployed_stack, config=copy.deepcopy(deployed_stack.config))


def _keep_one_machine_with_password(cluster: Document) -> None:
    keep_one_machine(cluster)
    cluster["registries"]["_default"] |= {"username": "user", "password": f"{MARKED_SECRET}-registry"}


def _kubelet_with_max_pods(number: int) -> dict[str, object]:
    return {"max_pods": number}


def test_event_log_of_an_up(single_host_stack: OfflineStack) -> None:
    lines = [
        json.loads(line)
        for line in (single_host_stack.machine.root / "single.jsonl").read_text().splitlines()
    ]
    assert {line["stack"] for line in lines} == {"single"}
    assert lines[-1]["kind"] == "summary"
    done = [line for line in lines if line.get("phase") == "done"]
    assert "cp-1-etcd" in {line["urn"].rpartition("::")[2] for line in done}
    assert lines[-1]["changes"]["create"] > 50


def test_up_without_changes_has_its_own_exit_code(single_host_stack: OfflineStack) -> None:
    single_host_stack.up()
    assert single_host_stack.up("--detailed-exit-code").code == 0


def test_only_a_matching_plan_is_applied(single_host_stack: OfflineStack, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    single_host_stack.preview(
        lambda cluster: cluster.update(kubelet=_kubelet_with_max_pods(90)), "--save-plan", str(plan)
    )
    state = single_host_stack.machine.state / "backend/.pulumi/stacks/kubewright/single.json"
    before = state.read_bytes()
    single_host_stack.config[CLUSTER]["kubelet"] = _kubelet_with_max_pods(91)
    refused = single_host_stack.up("--plan", str(plan), check=False)
    assert refused.code == 1
    assert "cp-1-node: would update, differently" in refused.text
    assert "nothing was changed" in refused.text
    assert state.read_bytes() == before
    single_host_stack.config[CLUSTER]["kubelet"] = _kubelet_with_max_pods(90)
    assert single_host_stack.up("--plan", str(plan), "--detailed-exit-code", check=False).code == 2
    # The plan was applied, so it no longer matches the stack.
    assert single_host_stack.up("--plan", str(plan), check=False).code == 1


@pytest.mark.release
def test_plan_older_than_another_change_is_refused(single_host_stack: OfflineStack, tmp_path: Path) -> None:
    """The `apply` of an older pipeline must not revert the changes of a newer pipeline."""
    plan = tmp_path / "plan.json"
    single_host_stack.preview(
        lambda cluster: cluster.update(kubelet=_kubelet_with_max_pods(70)), "--save-plan", str(plan)
    )
    single_host_stack.config[CLUSTER]["kubelet"] = _kubelet_with_max_pods(71)
    single_host_stack.up()
    single_host_stack.config[CLUSTER]["kubelet"] = _kubelet_with_max_pods(70)
    refused = single_host_stack.up("--plan", str(plan), check=False)
    assert refused.code == 1
    assert "cp-1-node: changed since the plan was saved" in refused.text


@pytest.mark.release
def test_plan_older_than_any_other_run_is_refused(single_host_stack: OfflineStack, tmp_path: Path) -> None:
    """Any later `up` makes a plan invalid: it can change what previews do not show, such as a secret."""
    single_host_stack.up()
    plan = tmp_path / "plan.json"
    single_host_stack.preview(
        lambda cluster: cluster.update(kubelet=_kubelet_with_max_pods(69)), "--save-plan", str(plan)
    )
    single_host_stack.up()
    single_host_stack.config[CLUSTER]["kubelet"] = _kubelet_with_max_pods(69)
    refused = single_host_stack.up("--plan", str(plan), check=False)
    assert refused.code == 1
    assert "the state changed" in refused.text
    assert single_host_stack.up("--detailed-exit-code", check=False).code == 2, "the stack was changed"


def test_plan_without_a_valid_preview_reports_the_reason(
    single_host_stack: OfflineStack, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.json"
    single_host_stack.preview(lambda cluster: None, "--save-plan", str(plan))
    single_host_stack.config[CLUSTER]["nowhere"] = 1
    refused = single_host_stack.up("--plan", str(plan), check=False)
    del single_host_stack.config[CLUSTER]["nowhere"]
    assert refused.code == 1
    assert "nowhere: unknown key" in refused.text


def test_wrong_passphrase_is_in_the_report(single_host_stack: OfflineStack) -> None:
    wrong = {"PULUMI_CONFIG_PASSPHRASE": "wrong"}
    output = single_host_stack.preview(lambda cluster: None, check=False, variables=wrong)
    assert output.code == 1
    assert "incorrect passphrase" in single_host_stack.markdown()
    file = single_host_stack.machine.write_stack_file(single_host_stack.name, single_host_stack.config)
    words = ("outputs", "--stack", single_host_stack.name, "--file", str(file))
    shown = single_host_stack.machine.execute(words, check=False, variables=wrong)
    assert shown.code == 1
    assert "incorrect passphrase" in shown.text
    assert "Traceback" not in shown.text


def test_plan_contains_no_secret(single_host_stack: OfflineStack, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    single_host_stack.preview(
        lambda cluster: cluster.update(certificates={"leaves": 2}), "--save-plan", str(plan)
    )
    text = plan.read_text()
    assert "PRIVATE KEY" not in text
    assert "b2ZmbGluZS1rZXk" not in text, "the SSH key"


def test_command_waits_for_a_stack_in_use_or_names_its_user(single_host_stack: OfflineStack) -> None:
    with single_host_stack.locked():
        refused = single_host_stack.up(check=False)
        assert refused.code == 1
        assert "eve@" in refused.text
        file = single_host_stack.machine.write_stack_file(single_host_stack.name, single_host_stack.config)
        options = ["--stack", single_host_stack.name, "--file", str(file)]
        waiting = subprocess.Popen(
            [sys.executable, "-m", "automation", "outputs", *options],
            env={**os.environ, **single_host_stack.machine.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert "eve@" in waiting.communicate(timeout=120)[0]
    assert single_host_stack.up("--wait", "30").code == 0


def test_timeout_ends_the_engine_and_is_reported(single_host_stack: OfflineStack) -> None:
    late = single_host_stack.up("--timeout", "1", check=False)
    assert late.code == 1
    assert "not finished within 1 s" in late.text
    assert single_host_stack.up().code == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.release)])
def test_signal_to_the_driver_only_ends_the_engine_in_order(machine: Machine, number: int) -> None:
    """When CI cancels a job, the engine records the steps that have started and releases the stack."""
    stack = OfflineStack.from_checkout(machine, "dev", _keep_one_machine_with_password)
    stack.name = f"ended-{number}"
    file = machine.write_stack_file(stack.name, stack.config)
    with subprocess.Popen(
        [sys.executable, "-m", "automation", "up", "--stack", stack.name, "--file", str(file)],
        env={**os.environ, **machine.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if " created " in line:
                process.send_signal(number)
                break
        rest = process.stdout.read()
    assert process.returncode == 1, rest
    assert "cancel" in rest
    locks = machine.state / "backend/.pulumi/locks/organization/kubewright" / stack.name
    assert list(locks.glob("*.json")) == []
    assert stack.up("--detailed-exit-code", check=False).code == 2


def test_engine_writes_no_log(single_host_stack: OfflineStack) -> None:
    assert single_host_stack.up().code == 0
    (logs,) = single_host_stack.machine.root.rglob("pulumi/logs")
    assert logs.is_file()
    assert logs.read_bytes() == b""


def test_outputs_are_json_without_secrets(single_host_stack: OfflineStack) -> None:
    file = single_host_stack.machine.write_stack_file(single_host_stack.name, single_host_stack.config)
    words = ("outputs", "--stack", single_host_stack.name, "--file", str(file))
    output = single_host_stack.machine.command(*words)
    outputs = json.loads(output.stdout)
    assert outputs["kubeconfig"] == "[secret]"
    assert outputs["members"] == {"cp-1": "10.89.0.11"}


def test_marked_secrets_are_neither_shown_nor_stored(single_host_stack: OfflineStack, tmp_path: Path) -> None:
    """The configuration, inputs, standard input, an error, a name and the environment contain secrets."""
    log = tmp_path / "events.jsonl"
    errors = f"ssh: {MARKED_SECRET}-registry was refused; {MARKED_SECRET}-token"

    def change(cluster: Document) -> None:
        cluster["kubelet"] = _kubelet_with_max_pods(80)
        cluster["access"] = {"namespaces": {"team": {"labels": {"by": f"{MARKED_SECRET}-token"}}}}

    variables = {"SOME_TOKEN": f"{MARKED_SECRET}-token", FAIL_VARIABLE: f"cp-1-node={errors}"}
    output = single_host_stack.preview(change, "--events", str(log), variables=variables)
    recorded = [
        output.text,
        log.read_text(),
        single_host_stack.markdown(),
        single_host_stack.html().read_text(),
    ]
    # The output of a failing update contains no secret either.
    change(single_host_stack.config[CLUSTER])
    file = single_host_stack.machine.write_stack_file(single_host_stack.name, single_host_stack.config)
    stack = ("--stack", single_host_stack.name, "--file", str(file))
    report = single_host_stack.machine.execute(
        ("preview", *stack, "--json"), check=False, variables=variables
    )
    assert json.loads(report.stdout)["config"], "the report of the engine is no longer JSON"
    recorded.append(report.text)
    words = ("up", *stack, "--events", str(log))
    failed = single_host_stack.machine.execute(words, check=False, variables=variables)
    assert failed.code == 1
    assert "was refused" in failed.text, "the error itself must be readable"
    recorded += [failed.text, log.read_text()]
    key = (single_host_stack.machine.root / "key").read_text().splitlines()[1]
    passphrase = (single_host_stack.machine.state / "passphrase").read_text()
    for text in recorded:
        for secret in (f"{MARKED_SECRET}-registry", f"{MARKED_SECRET}-token", key, passphrase, "PRIVATE KEY"):
            assert secret not in text


def test_json_report_is_json_if_a_secret_is_a_number(single_host_stack: OfflineStack) -> None:
    machine, name, config = single_host_stack.machine, single_host_stack.name, single_host_stack.config
    values = {"limit": 30000000, "text": "it is 30000000"}
    config[CLUSTER]["helm_releases"] = {"hello": {"chart": "./lab/charts/hello", "values": values}}
    words = ("preview", "--stack", name, "--file", str(machine.write_stack_file(name, config)), "--json")
    steps = json.loads(machine.execute(words, variables={"SOME_TOKEN": "30000000"}).stdout)["steps"]
    (release,) = (step["newState"] for step in steps if step["urn"].endswith("::helm-hello"))
    assert release["inputs"]["values"] == {"limit": 30000000, "text": "it is [secret]"}


def test_several_stacks_in_parallel(
    single_host_stack: OfflineStack, machine: Machine, tmp_path: Path
) -> None:
    """`--all` selects all stacks of a checkout. The test uses a copy of this checkout with two stacks."""
    single_host_stack.config[CLUSTER]["kubelet"] = _kubelet_with_max_pods(92)
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for entry in CHECKOUT.iterdir():
        if not entry.name.startswith((".", "Pulumi.")) or entry.name == "Pulumi.yaml":
            (checkout / entry.name).symlink_to(entry)
    # The driver finds its checkout by the path of its module.
    (checkout / "automation").unlink()
    subprocess.run(["cp", "-r", CHECKOUT / "automation", checkout], check=True, timeout=60)
    for name in ("single", "two"):
        text = machine.write_stack_file(name, single_host_stack.config).read_text()
        (checkout / f"Pulumi.{name}.yaml").write_text(
            text.replace("max_pods", "max_pod") if name == "two" else text
        )
    log, reports = tmp_path / "log", tmp_path / "reports"
    environment = {**machine.environment, "PYTHONPATH": str(checkout)}
    words = ("preview", "--all", "--jobs", "2", "--events", str(log), "--report", str(reports))
    done = subprocess.run(
        [sys.executable, "-m", "automation", *words],
        env={**os.environ, **environment},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "two: error: kubewright:cluster.kubelet.max_pod: unknown key" in done.stdout
    assert {json.loads(line)["stack"] for line in log.read_text().splitlines()} == {"single", "two"}
    assert "preview failed" in (reports / "two.md").read_text()
    assert "Stack `single`" in (reports / "single.md").read_text()
