"""Tests of lab stacks on an emulated cloud, without a lab."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from automation import emulated_cloud
from automation.emulated_cloud import CHARTS_VARIABLE, deployer_variables
from automation.environment import CHECKOUT
from automation.errors import UserError
from automation.lab_stack import lab_requirements
from automation.workspace import Workspace
from lab import spec
from lab.paths import LabPaths
from lab.plugins.aws.account import is_emulated
from lab.plugins.azure_native import subscription
from lab.spec import Cloud, LabSpec
from testkit.stackfile import merge

STACK = "aws-lab"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use a state directory with the certificate of the lab, which the settings name."""
    monkeypatch.setenv("KUBEWRIGHT_STATE", str(tmp_path))
    lab = LabPaths.of(STACK)
    lab.root.mkdir(parents=True)
    lab.ca.write_text("certificate\n")
    return tmp_path


def config(stack: str = STACK, **changes: object) -> dict[str, Any]:
    """Return the configuration of a stack; `changes` are merged into `kubewright:cluster`."""
    text = (CHECKOUT / f"Pulumi.{stack}.yaml").read_text()
    found: dict[str, Any] = yaml.safe_load(text)["config"]
    return merge(found, {"kubewright:cluster": changes})


def lab_of(document: Mapping[str, Any]) -> LabSpec:
    requirements = lab_requirements(STACK, document, Path("/mirror"))
    assert requirements is not None
    return requirements.lab


def test_lab_has_no_hosts_and_the_name_of_the_endpoint() -> None:
    lab = lab_of(config())
    assert (lab.cloud, lab.hosts) == (Cloud.AWS, ())
    assert {name: str(address) for name, address in lab.names.items()} == {
        "api.aws-lab.internal": "10.124.0.1"
    }


def test_mirror_of_the_lab_gets_the_credential_provider_of_a_stack_with_image_registries() -> None:
    def optional(aws: dict[str, object], **changes: object) -> tuple[str, ...]:
        requirements = lab_requirements(STACK, config(STACK, aws=aws, **changes), Path("/mirror"))
        assert requirements is not None
        return requirements.optional

    registry = {"account": "123456789012", "region": "eu-central-1"}
    host = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
    registries = {host: {"endpoint": f"https://{host}"}}
    found = optional({"image_registries": [registry]}, registries=registries)
    assert found == ("ecr-credential-provider",)
    assert optional({}) == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kubewright:lab": {"cloud": "gcp"}}, "'gcp': no emulated cloud; allowed: aws, azure"),
        ({"kubewright:lab": {"cloud": "azure"}}, "the stack has no section azure"),
        ({"kubewright:lab": {"network": "10.99.0.0/16"}}, r"the lab's network is 10\.99\.0\.0/16; use it"),
        ({"kubewright:lab": {"size": 3}}, "expected a mapping with `network` and"),
        ({"kubewright:cluster": {"aws": {"region": "eu-north-1"}}}, "the lab emulates only eu-central-1 and"),
    ],
)
def test_stack_that_cannot_be_emulated_is_refused(changes: Mapping[str, Any], message: str) -> None:
    document = merge(config(), changes)
    if "aws" in changes.get("kubewright:cluster", {}):
        document["kubewright:cluster"]["aws"]["zones"] = 2
    with pytest.raises(UserError, match=message):
        lab_of(document)


def test_stack_without_a_section_aws_is_refused() -> None:
    dev = yaml.safe_load((CHECKOUT / "Pulumi.dev.yaml").read_text())["config"]
    dev["kubewright:lab"]["cloud"] = "aws"
    del dev["kubewright:cluster"]["metal"]["ssh"]
    dev["kubewright:cluster"]["metal"]["ssh"] = {"agent": True, "known_hosts_file": "/dev/null"}
    with pytest.raises(UserError, match="the stack has no section aws"):
        lab_of(dev)


def test_missing_library_is_an_error_with_the_command_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulated_cloud, "_AWS_LIBRARY", "no_such_library")
    with pytest.raises(UserError, match="run `setup/environment --dev`"):
        lab_of(config())


def test_engine_uses_the_emulated_account_when_the_lab_exists(state: Path) -> None:
    workspace = Workspace(stack=STACK, directory=state, config=config())
    assert deployer_variables(workspace) == {}
    spec.write(lab_of(config()), LabPaths.of(STACK).spec)
    variables = deployer_variables(workspace)
    assert is_emulated(variables)
    assert variables["AWS_ENDPOINT_URL"] == "https://10.124.0.1:8443"
    assert (Path(variables[CHARTS_VARIABLE]) / "aws-cloud-controller-manager/Chart.yaml").exists()


def test_engine_uses_the_emulated_subscription_when_the_lab_exists(state: Path) -> None:
    document = config("azure-lab")
    lab = lab_of(document)
    assert lab.cloud is Cloud.AZURE
    spec.write(lab.model_copy(update={"name": STACK}), LabPaths.of(STACK).spec)
    variables = deployer_variables(Workspace(stack=STACK, directory=state, config=document))
    assert subscription.is_emulated(variables)
    assert variables["IDENTITY_ENDPOINT"] == "http://10.126.0.1:8169/deployer/token"
    assert "AWS_ACCESS_KEY_ID" not in variables
    assert (Path(variables[CHARTS_VARIABLE]) / "cloud-provider-azure/Chart.yaml").exists()


def test_range_of_the_network_must_be_that_of_the_lab() -> None:
    document = merge(config("azure-lab"), {"kubewright:lab": {"network": "10.99.0.0/16"}})
    with pytest.raises(UserError, match=r"azure.network.range: 10.126.0.0/16: the lab's network is"):
        lab_of(document)


def test_other_stacks_keep_their_environment(state: Path) -> None:
    dev = yaml.safe_load((CHECKOUT / "Pulumi.dev.yaml").read_text())["config"]
    assert deployer_variables(Workspace(stack="dev", directory=state, config=dev)) == {}
