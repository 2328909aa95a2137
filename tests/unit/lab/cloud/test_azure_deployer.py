"""Tests of the deployer's credentials in an emulated Azure, with the credentials of the program."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.core.exceptions import ClientAuthenticationError

from lab import spec
from lab.cloud.azure.deployer import DEPLOYER_TOKEN_PATH, environment_variables
from lab.cloud.azure.metadata import Metadata
from lab.cloud.azure.responses import Server, in_background
from lab.cloud.azure.tokens import AccessTokens
from lab.cloud.running import MachineStates, admin_secret
from lab.paths import LabPaths
from lab.spec import Cloud, LabSpec
from providers.azure.credentials import deployer_credential

LAB = "unit"
SCOPE = "https://storage.azure.com/.default"


@pytest.fixture
def variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Return the variables of the deployer, with the address of a local metadata service."""
    monkeypatch.setenv("KUBEWRIGHT_STATE", str(tmp_path))
    LabPaths.of(LAB).root.mkdir(parents=True)
    lab = LabSpec.model_validate({"name": LAB, "network": "10.126.0.0/16", "cloud": Cloud.AZURE})
    spec.write(lab, LabPaths.of(LAB).spec)
    attributes = {"states": MachineStates.of(LAB), "tokens": AccessTokens(admin_secret(LAB))}
    server = Server(("127.0.0.1", 0), type("Handler", (Metadata,), attributes))
    url = f"http://127.0.0.1:{server.server_address[1]}{DEPLOYER_TOKEN_PATH}"
    with in_background(server):
        yield environment_variables(LAB) | {"IDENTITY_ENDPOINT": url}


def test_programs_get_the_token_of_the_lab(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    account = {"ARM_TENANT_ID": "t", "ARM_CLIENT_ID": "c", "ARM_CLIENT_SECRET": "of an account"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert deployer_credential(account | variables).get_token(SCOPE).token == admin_secret(LAB)


def test_only_the_deployer_gets_its_token(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (variables | {"IDENTITY_HEADER": "guessed"}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ClientAuthenticationError):
        deployer_credential(variables).get_token(SCOPE)
