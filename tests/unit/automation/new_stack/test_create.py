"""Tests of new stack files: their content, their checks, and the next steps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from automation.cli.app import run
from automation.environment import CHECKOUT
from automation.errors import UserError
from automation.new_stack import lab_networks
from automation.new_stack.create import NewStack, create, template_names
from automation.new_stack.hosts import HostAddresses
from automation.new_stack.template import templates
from settings import Settings
from settings.stackfile import load_file

HA_HOSTS = HostAddresses(("10.1.0.11", "10.1.0.12", "10.1.0.13"), ("10.1.0.21",), ("10.1.0.31", "10.1.0.32"))


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Use an empty state directory, so that the labs of this machine have no effect on the tests."""
    monkeypatch.setenv("KUBEWRIGHT_STATE", str(tmp_path / "state"))


def created(tmp_path: Path, new: NewStack) -> tuple[Settings, str, str]:
    """Create the stack file. Return its settings, its text and the next steps."""
    file = tmp_path / f"Pulumi.{new.name}.yaml"
    steps = create(new, file)
    return load_file(file), file.read_text(), steps


def comments(text: str) -> int:
    return len(re.findall(r"(?:^|\s)#", text))


@pytest.mark.parametrize("source", template_names())
def test_file_has_valid_settings_and_the_comments_of_its_template(tmp_path: Path, source: str) -> None:
    settings, text, steps = created(tmp_path, NewStack(name="fresh", source=source))
    template = (CHECKOUT / templates()[source].file).read_text()
    assert settings.name == "fresh"
    assert comments(text) == comments(template)
    assert f"/{template.splitlines()[0]}" not in text
    assert re.search(r"\./kubewright (?:preview|up) --stack fresh --file ", steps)


@pytest.mark.parametrize("name", templates())
def test_each_text_of_a_template_occurs_in_its_file(name: str) -> None:
    """If a text were missing in the file, the new stack would keep the value of the example."""
    template = templates()[name]
    content = (CHECKOUT / template.file).read_text()
    assert [text for text in template.texts if text not in content] == []


@pytest.mark.parametrize("source", template_names())
def test_no_name_or_address_of_the_template_remains(tmp_path: Path, source: str) -> None:
    _, text, _ = created(tmp_path, NewStack(name="fresh", source=source))
    assert not re.search(rf"labs/{source}/|name: {source}\b|{source}-example|10\.89\.|10\.97\.", text)


def test_lab_gets_a_network_that_no_other_stack_uses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Pulumi.a.yaml").write_text('config: {"kubewright:lab": {network: 10.100.0.0/16}}')
    (tmp_path / "Pulumi.b.yaml").write_text("- not a stack file")
    assert str(lab_networks.free_network(tmp_path)) == "10.101.0.0/24"
    monkeypatch.setattr(lab_networks, "_CANDIDATES", ())
    with pytest.raises(UserError, match="--network"):
        lab_networks.free_network(tmp_path)


def test_given_values_are_in_the_settings(tmp_path: Path) -> None:
    options = {
        "environment": "production",
        "region": "eu-west-1",
        "allowed": "[10.8.0.0/16]",
        "mirror": "https://mirror.example.org",
        "endpoint": "api.example.org",
        "account": "210987654321",
    }
    new = NewStack(name="prod", source="aws", options=options, networks=("10.60.0.0/16",))
    settings, _, steps = created(tmp_path, new)
    assert settings.aws is not None
    assert settings.environment == "production"
    assert settings.aws.account == "210987654321"
    assert settings.aws.zones == ("eu-west-1a", "eu-west-1b", "eu-west-1c")
    assert str(settings.aws.network.range) == "10.60.0.0/16"
    assert [str(each) for each in settings.network.api_networks] == ["10.8.0.0/16"]
    assert settings.artifacts.mirror == "https://mirror.example.org"
    assert settings.endpoint is not None
    assert settings.endpoint.host == "api.example.org"
    assert "Replace these examples" not in steps


def test_examples_that_remain_are_listed(tmp_path: Path) -> None:
    _, _, steps = created(tmp_path, NewStack(name="prod", source="azure"))
    assert [each in steps for each in ("artifacts.mirror", "api_allowed", "azure.subscription")] == [True] * 3
    account = {"account": "11111111-1111-1111-1111-111111111111"}
    settings, _, steps = created(tmp_path, NewStack(name="next", source="azure", options=account))
    assert settings.azure is not None
    assert settings.azure.subscription == account["account"]
    assert "azure.subscription" not in steps


def test_cluster_on_existing_hosts_needs_only_their_addresses(tmp_path: Path) -> None:
    hosts = HostAddresses(("192.0.2.11",), ("192.0.2.21", "198.51.100.22"))
    settings, _, steps = created(tmp_path, NewStack(name="prod", source="dev", hosts=hosts))
    assert settings.metal is not None
    assert {name: str(host.address) for name, host in settings.metal.hosts.items()} == {
        "cp-1": "192.0.2.11",
        "w-1": "192.0.2.21",
        "w-2": "198.51.100.22",
    }
    assert [str(each) for each in settings.network.machines] == ["192.0.2.0/24", "198.51.100.0/24"]
    assert settings.metal.ssh.agent
    assert settings.metal.ssh.private_key_file is None
    assert "ssh-keyscan -t ed25519 192.0.2.11 192.0.2.21 198.51.100.22" in steps


def test_highly_available_cluster_on_existing_hosts(tmp_path: Path) -> None:
    options = {"endpoint": "10.1.0.9", "allowed": "[10.0.0.0/8]", "ssh_user": "admin"}
    new = NewStack(name="prod", source="ha", hosts=HA_HOSTS, options=options)
    settings, text, _ = created(tmp_path, new)
    assert settings.endpoint is not None
    assert settings.endpoint.host == "10.1.0.9"
    assert "load_balancers: {hosts: [lb-1, lb-2]}" in text
    assert "control_planes: {hosts: [cp-1, cp-2, cp-3]}" in text
    assert "api_allowed: [10.0.0.0/8]" in text
    assert "$" not in text.replace("$schema", "")


def test_ranges_of_pods_and_services_avoid_the_networks_of_hosts(tmp_path: Path) -> None:
    hosts = HostAddresses(("10.244.1.11",), ("10.96.1.21",))
    settings, _, _ = created(tmp_path, NewStack(name="prod", source="dev", hosts=hosts))
    assert (str(settings.network.pods), str(settings.network.services)) == ("172.20.0.0/16", "172.19.0.0/20")


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (NewStack(name="a", source="gcp"), "--from gcp: expected one of dev, ha, aws, azure"),
        (NewStack(name="a", source="hosts"), "--from hosts: expected one of"),
        (NewStack(name="../a", source="dev"), "--stack: '../a'"),
        (NewStack(name="Prod", source="aws"), "kubewright:cluster.name: \"Prod\""),
        (NewStack(name="a", source="aws", options={"ssh_user": "x"}), "--ssh-user: not used by --from aws; "),
        (NewStack(name="a", source="dev", options={"allowed": "[]"}), "--allow: not used by --from dev with"),
        (NewStack(name="a", source="aws", hosts=HA_HOSTS), "omit the addresses of hosts"),
        (NewStack(name="a", source="aws", options={"mirror": "x: {"}), "a value is not valid YAML"),
        (NewStack(name="a", source="aws", options={"mirror": "ftp://x"}), "cluster.artifacts.mirror"),
        (NewStack(name="a", source="aws", networks=("10.0.0.0/16", "10.1.0.0/16")), "only once"),
        (NewStack(name="a", source="aws", networks=("10.0.0.1/16",)), "--network 10.0.0.1/16: not an IPv4"),
        (NewStack(name="a", source="dev", networks=("10.0.0.0/16",)), "not a /24"),
        (NewStack(name="a", source="dev", hosts=HA_HOSTS), "--from ha"),
        (NewStack(name="a", source="ha", hosts=HA_HOSTS), "--endpoint: give the address of the API"),
        (NewStack(name="a", source="ha", hosts=HostAddresses(workers=("x",))), "--worker x: not an IPv4"),
        (NewStack(name="a", source="dev", hosts=HostAddresses(("10.0.0.1",))), "--worker: give the address"),
    ],
)  # fmt: skip
def test_wrong_options_are_reported_and_nothing_is_written(
    tmp_path: Path, new: NewStack, message: str
) -> None:
    file = tmp_path / "Pulumi.a.yaml"
    with pytest.raises(UserError) as error:
        create(new, None if "/" in new.name else file)
    assert message in str(error.value)
    assert not file.exists()


def test_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.prod.yaml"
    file.write_text("mine")
    with pytest.raises(UserError, match="already exists"):
        create(NewStack(name="prod", source="dev"), file)
    assert file.read_text() == "mine"


def test_command_has_no_prompt_and_prints_the_next_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", None)
    file = tmp_path / "Pulumi.prod.yaml"
    words = ["--control-plane", "10.0.0.1", "--worker", "10.0.0.2", "--worker", "10.0.0.3"]
    assert run(["new", "prod", "--from", "dev", *words, "--allow", "10.0.0.0/8", "--file", str(file)]) == 0
    assert capsys.readouterr().out.rstrip().endswith(f"./kubewright preview --stack prod --file {file}")
    cluster = yaml.safe_load(file.read_text())["config"]["kubewright:cluster"]
    assert cluster["pools"] == {"workers": {"hosts": ["w-1", "w-2"]}}
    assert cluster["network"]["api_allowed"] == ["10.0.0.0/8"]
