"""Tests of identities of pods on emulated Azure: pods get tokens for their own tokens, and read blobs."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request

import pytest
from azure.identity import WorkloadIdentityCredential

from lab.cloud.azure.deployer import environment_variables
from lab.cloud.azure.resources import Resources
from lab.plugins.azure_native.catalogue import KINDS
from lab.plugins.azure_native.subscription import Subscription
from tests.clouds.azure import LOCATION, EmulatedAzure
from tests.clouds.azure_stack import AzureStack
from tests.clouds.pods import pod_objects
from tests.clouds.stack import UP_SECONDS, copy_of_stack, created

STACK = "kwazpods"
NETWORK, EXAMPLE_NETWORK = "10.129.", "10.126."
SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/data"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/kwpodsdata"
ISSUER_ACCOUNT = "kwpodsissuer"
POD_SECONDS = 120
ACCOUNTS = ("reader", "gardener", "stranger")
"""Service accounts in the namespace `web`. The first two have identities."""
READ = r"""
set -eu
response=$(curl -sS --cacert /lab/ca.crt "${AZURE_AUTHORITY_HOST}${AZURE_TENANT_ID}/oauth2/v2.0/token" \
    --data-urlencode grant_type=client_credentials --data-urlencode "client_id=$CLIENT" \
    --data-urlencode scope=https://storage.azure.com/.default \
    --data-urlencode client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer \
    --data-urlencode "client_assertion@$AZURE_FEDERATED_TOKEN_FILE")
token=$(printf %s "$response" | sed -n 's/.*"access_token": *"\([^"]*\)".*/\1/p')
if [ -z "$token" ]; then printf '%s\n' "$response"; exit 0; fi
curl -sS --cacert /lab/ca.crt -H "Authorization: Bearer $token" -H 'x-ms-version: 2021-12-02' \
    -w '\n%{http_code}\n' "$URL"
"""
"""Reads a blob as the identity with the client id CLIENT, as an SDK does."""


class PodStack(AzureStack):
    """The stack, its pods in the namespace `web`, and the storage account that they read."""

    @property
    def azure(self) -> EmulatedAzure:
        """The emulated subscription."""
        return EmulatedAzure(STACK)

    def read(self, pod: str, container: str, client: str = "$AZURE_CLIENT_ID") -> str:
        """Read the blob in a container from a pod, and return content and status, or the refusal."""
        url = f"{self.azure.url}/kwpodsdata/{container}/blob"
        program = f'CLIENT="{client}" URL={shlex.quote(url)}\n{READ}'
        return self.kubectl("exec", "-i", "-n", "web", pod, "--", "sh", "-s", stdin=program).stdout.strip()

    def client_id(self, identity: str) -> str:
        """Return the client id of a managed identity of pods."""
        identities = Resources.of(STACK).of_type("Microsoft.ManagedIdentity/userAssignedIdentities")
        return str(
            next(item.properties["clientId"] for item in identities if item.name.endswith(f"-pod-{identity}"))
        )


def data_container(name: str) -> str:
    return f"{ACCOUNT}/blobServices/default/containers/{name}"


def identity(name: str, container: str) -> dict[str, Any]:
    role = {"role": "Storage Blob Data Reader", "scope": data_container(container)}
    return {"service_accounts": [f"web/{name}"], "roles": [role]}


@pytest.fixture(scope="module")
def stack(state: Path) -> Iterator[PodStack]:
    """Yield the stack with two identities, each of which may read one container, and with running pods."""
    config = copy_of_stack("azure-lab", STACK, EXAMPLE_NETWORK, NETWORK)
    cluster = config["kubewright:cluster"]
    cluster["pools"]["general"]["size"] = {"min": 1, "max": 1}
    cluster["certificates"] = {"service_account": {"rsa_from": 1}}
    section = cluster["azure"]
    section["endpoints"] |= {
        "issuer": f"{section['endpoints']['blob']}/{ISSUER_ACCOUNT}",
        "login": section["endpoints"]["blob"],
    }
    identities: dict[str, Any] = {"reader": {"service_accounts": ["web/reader"]}}
    section["pod_identities"] = {"issuer_account": ISSUER_ACCOUNT, "identities": identities}
    with created(PodStack(STACK, state, config)) as stack:
        create_data(stack)
        # A role assignment needs its scope, which exists only after the first `up` has started the emulation.
        current = stack.config["kubewright:cluster"]["azure"]["pod_identities"]["identities"]
        current |= {"reader": identity("reader", "apples"), "gardener": identity("gardener", "bears")}
        stack.command("up", timeout=UP_SECONDS)
        run_pods(stack)
        yield stack


def create_data(stack: PodStack) -> None:
    """Create a storage account outside of the cluster with a blob in each of two containers."""
    subscription = Subscription(SUBSCRIPTION, environment_variables(STACK))
    version = KINDS["azure-native:storage:StorageAccount"].version
    subscription.put(GROUP, version, {"location": LOCATION})
    subscription.put(ACCOUNT, version, {"location": LOCATION, "properties": {"allowBlobPublicAccess": False}})
    for name in ("apples", "bears"):
        subscription.put(data_container(name), version, {"properties": {"publicAccess": "None"}})
        stack.azure.put(f"kwpodsdata/{name}/blob", f"of {name}")


def run_pods(stack: PodStack) -> None:
    """Run a pod with curl for each service account."""
    stack.apply(*pod_objects(stack.azure.ca.read_text(), ACCOUNTS))
    ready = ("wait", "pod", "--all", "--for=condition=Ready", "--namespace=web", f"--timeout={POD_SECONDS}s")
    stack.kubectl(*ready, timeout=POD_SECONDS + 10)


def test_pod_reads_a_blob_by_its_own_identity(stack: PodStack) -> None:
    assert stack.read("reader", "apples").splitlines() == ["of apples", "200"]
    assert stack.read("gardener", "bears").splitlines() == ["of bears", "200"]


def test_pod_cannot_read_what_another_identity_reads(stack: PodStack) -> None:
    assert stack.read("reader", "bears").splitlines()[-1] == "403"
    assert stack.read("gardener", "apples").splitlines()[-1] == "403"


def test_pod_cannot_use_the_identity_of_another_service_account(stack: PodStack) -> None:
    assert "AADSTS700213" in stack.read("reader", "bears", stack.client_id("gardener"))


def test_pod_of_another_service_account_has_no_identity(stack: PodStack) -> None:
    (container,) = stack.get("pod", "stranger", "-n", "web")["spec"]["containers"]
    assert not [item for item in container.get("env", []) if item["name"].startswith("AZURE_")]
    with_identity = stack.get("pod", "reader", "-n", "web")["spec"]
    assert "azure-identity-token" in [volume["name"] for volume in with_identity["volumes"]]


def test_sdk_of_azure_exchanges_the_token_of_a_pod(stack: PodStack, tmp_path: Path) -> None:
    """Test that the SDK works with what the pod has: its environment variables and its token file."""
    (container,) = stack.get("pod", "reader", "-n", "web")["spec"]["containers"]
    environment = {item["name"]: item["value"] for item in container["env"]}
    token_file = tmp_path / "token"
    words = ("exec", "-n", "web", "reader", "--", "cat", environment["AZURE_FEDERATED_TOKEN_FILE"])
    token_file.write_text(stack.kubectl(*words).stdout)
    credential = WorkloadIdentityCredential(
        tenant_id=environment["AZURE_TENANT_ID"],
        client_id=environment["AZURE_CLIENT_ID"],
        token_file_path=str(token_file),
        authority=environment["AZURE_AUTHORITY_HOST"],
        # Only Microsoft's own hosts are in the list of Entra's authorities.
        disable_instance_discovery=True,
        connection_verify=str(stack.azure.ca),
    )
    token = credential.get_token("https://storage.azure.com/.default")
    assert token.expires_on > time.time()
    request = Request(f"{stack.azure.url}/kwpodsdata/apples/blob", headers={"x-ms-version": "2021-12-02"})
    request.add_header("Authorization", f"Bearer {token.token}")
    assert stack.azure.send(request) == "of apples"


def test_everyone_can_read_the_documents_of_the_issuer(stack: PodStack) -> None:
    issuer = f"{stack.azure.url}/{ISSUER_ACCOUNT}/oidc"
    document = json.loads(stack.azure.send(Request(f"{issuer}/.well-known/openid-configuration")))
    assert document["issuer"] == issuer
    keys = json.loads(stack.azure.send(Request(document["jwks_uri"])))["keys"]
    assert keys == json.loads(stack.kubectl("get", "--raw", "/openid/v1/jwks").stdout)["keys"]


def test_preview_is_empty_and_down_leaves_nothing(stack: PodStack) -> None:
    assert not stack.previewed_operations()
    Subscription(SUBSCRIPTION, environment_variables(STACK)).delete(GROUP, "2024-03-01")
    stack.expect_complete_down()
