"""Tests of the emulated Entra ID: pods exchange their own tokens for access tokens of identities."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from azure.identity import WorkloadIdentityCredential
from azure.storage.blob import BlobClient
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from lab.cloud.azure.federation import Denied, check_assertion
from lab.cloud.azure.generated import TENANT
from lab.cloud.azure.permissions import write_role_assignments
from lab.cloud.azure.resources import Resources
from lab.cloud.azure.responses import in_background
from lab.cloud.azure.results import Refused
from lab.cloud.azure.store import store_server
from lab.cloud.azure.tokens import AccessTokens
from lab.cloud.web_tokens import TokenRefused
from lab.paths import LabPaths
from providers.cloud.issuer_documents import discovery_document, key_set
from testkit.artifact_server import create_self_signed_certificate
from testkit.service_account_tokens import Key, public_pem, signed_token
from tests.unit.lab.cloud.azure_resources import GROUP, IDENTITY, LAB, put
from topology.service_account_tokens import jwks_url

Json = dict[str, Any]
AUDIENCE = "api://AzureADTokenExchange"
SUBJECT = "system:serviceaccount:web:reader"
CREDENTIAL = f"{IDENTITY}/federatedIdentityCredentials/web-reader"
READER = f"{GROUP}/providers/Microsoft.Authorization/roleDefinitions/2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEYS = key_set(public_pem(KEY))
ELLIPTIC_KEY = ec.generate_private_key(ec.SECP256R1())
KEY_ID = json.loads(KEYS)["keys"][0]["kid"]
ISSUER = "https://issuer.example/oidc"


def token(
    issuer: str = ISSUER, *, key: Key = KEY, header: Mapping[str, str] | None = None, **claims: object
) -> str:
    """Return a token of a service account."""
    return signed_token(key, {"iss": issuer, "sub": SUBJECT, "aud": [AUDIENCE], **claims}, header)


def credential(issuer: str = ISSUER, subject: str = SUBJECT) -> Json:
    return {"properties": {"issuer": issuer, "subject": subject, "audiences": [AUDIENCE]}}


@pytest.fixture(autouse=True)
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the client id of an identity with a federated credential."""
    monkeypatch.setenv("KUBEWRIGHT_STATE", str(tmp_path))
    put(GROUP)
    put(IDENTITY)
    put(CREDENTIAL, credential())
    (identity,) = Resources.of(LAB).of_type("Microsoft.ManagedIdentity/userAssignedIdentities")
    return str(identity.properties["clientId"])


def read(url: str) -> bytes:
    documents = {
        f"{ISSUER}/.well-known/openid-configuration": discovery_document(ISSUER),
        jwks_url(ISSUER): key_set(public_pem(KEY)),
    }
    if url not in documents:
        raise TokenRefused(f"request to {url} failed: 404")
    return documents[url].encode()


def exchange(client: str, assertion: str, read: Callable[[str], bytes] = read) -> None:
    check_assertion(Resources.of(LAB), client, assertion, read)


def test_token_of_the_service_account_is_exchanged(client: str) -> None:
    exchange(client, token())


# The tests make the tokens, because tokens that are made when pytest collects tests can expire before.
@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"sub": "system:serviceaccount:web:other"}, "AADSTS700213"),
        ({"issuer": "https://other.example"}, "AADSTS700211"),
        ({"aud": ["sts.amazonaws.com"]}, "AADSTS700212"),
        ({"key": OTHER_KEY}, "AADSTS700027"),
        ({"key": OTHER_KEY, "header": {"kid": KEY_ID}}, "AADSTS700027"),
        ({"key": ELLIPTIC_KEY}, "AADSTS5002738"),
        ({"header": {"kid": "second"}}, "AADSTS700027"),
        ({"header": {"alg": "none"}}, "AADSTS5002738"),
        ({"exp": 1_000_000_000}, "AADSTS700024"),
        ({"nbf": 4_000_000_000}, "AADSTS700027"),
    ],
)
def test_other_tokens_are_refused_with_the_code_of_entra(
    client: str, parts: dict[str, Any], code: str
) -> None:
    with pytest.raises(Denied, match=f"^{code}:") as error:
        exchange(client, token(**parts))
    assert (error.value.status, error.value.error) == (401, "invalid_client")


def test_text_that_is_no_token_is_refused_with_the_code_of_entra(client: str) -> None:
    with pytest.raises(Denied, match=r"^AADSTS700027:"):
        exchange(client, "nothing")


def test_unknown_client_is_refused() -> None:
    with pytest.raises(Denied, match="AADSTS700016") as error:
        exchange("00000000-0000-0000-0000-000000000000", token())
    assert error.value.status == 400


def test_documents_must_be_published_for_the_issuer(client: str) -> None:
    def missing(url: str) -> bytes:
        raise TokenRefused(f"request to {url} failed: 404")

    def of_another(url: str) -> bytes:
        return discovery_document("https://other.example").encode()

    with pytest.raises(Denied, match=r"AADSTS700027.*404"):
        exchange(client, token(), missing)
    with pytest.raises(Denied, match=r"AADSTS700027.*https://other\.example"):
        exchange(client, token(), of_another)


def test_issuer_and_subject_are_unique_for_an_identity() -> None:
    put(CREDENTIAL, credential())
    with pytest.raises(Refused, match="web-reader has the same issuer and subject"):
        put(f"{CREDENTIAL}-2", credential())


def test_identity_has_at_most_20_credentials() -> None:
    for number in range(19):
        put(f"{CREDENTIAL}-{number}", credential(subject=f"system:serviceaccount:web:{number}"))
    with pytest.raises(Refused, match="has 20 federated credentials"):
        put(f"{CREDENTIAL}-19", credential(subject="system:serviceaccount:web:19"))


def account(name: str) -> str:
    return f"{GROUP}/providers/Microsoft.Storage/storageAccounts/{name}"


def container(name: str, container: str) -> str:
    return f"{account(name)}/blobServices/default/containers/{container}"


@pytest.fixture
def url(tmp_path: Path, client: str) -> Iterator[str]:
    """Return the URL of an emulated Azure with a public container and two private containers."""
    put(account("issuer"), {"properties": {"allowBlobPublicAccess": True}})
    put(container("issuer", "oidc"), {"properties": {"publicAccess": "Blob"}})
    put(account("data"), {"properties": {"allowBlobPublicAccess": False}})
    for name in ("apples", "bears"):
        put(container("data", name), {"properties": {"publicAccess": "None"}})
    (identity,) = Resources.of(LAB).of_type("Microsoft.ManagedIdentity/userAssignedIdentities")
    body = {"principalId": identity.properties["principalId"], "roleDefinitionId": READER.replace(GROUP, "")}
    put(
        f"{container('data', 'apples')}/providers/Microsoft.Authorization/roleAssignments/a",
        {"properties": body},
    )
    write_role_assignments(LAB, Resources.of(LAB))
    server = store_server(LAB, ("127.0.0.1", 0), AccessTokens("deployer"))
    LabPaths.of(LAB).root.mkdir(parents=True, exist_ok=True)
    certificate, key = create_self_signed_certificate(tmp_path)
    certificate.rename(LabPaths.of(LAB).ca)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(LabPaths.of(LAB).ca, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with in_background(server):
        yield f"https://127.0.0.1:{server.server_address[1]}"


def send(url: str, token: str = "", body: bytes | None = None, method: str = "GET") -> tuple[int, Any]:
    """Send a request, with a token if there is one, and return status and body of the response."""
    headers = {"x-ms-version": "2021-12-02", "x-ms-blob-type": "BlockBlob"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    context = ssl.create_default_context(cafile=str(LabPaths.of(LAB).ca))
    request = Request(url, method=method, data=body, headers=headers)
    try:
        with urlopen(request, timeout=20, context=context) as response:
            return response.status, response.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def publish(url: str) -> str:
    """Write the documents of an issuer below a URL and blobs to read; return the issuer."""
    issuer = f"{url}/issuer/oidc"
    put(CREDENTIAL, credential(issuer))
    for path, text in (
        ("issuer/oidc/.well-known/openid-configuration", discovery_document(issuer)),
        ("issuer/oidc/openid/v1/jwks", KEYS),
        ("data/apples/a", "of apples"),
        ("data/bears/b", "of bears"),
    ):
        assert send(f"{url}/{path}", "deployer", text.encode(), "PUT")[0] == 201
    return issuer


def request_token(url: str, client: str, assertion: str, **changes: str) -> tuple[int, Json]:
    form = {
        "grant_type": "client_credentials",
        "client_id": client,
        "scope": "https://storage.azure.com/.default",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
        **changes,
    }
    status, text = send(f"{url}/{TENANT}/oauth2/v2.0/token", "", urlencode(form).encode(), "POST")
    return status, json.loads(text)


def test_pod_reads_only_what_the_roles_of_its_identity_allow(url: str, client: str) -> None:
    issuer = publish(url)
    status, response = request_token(url, client, token(issuer))
    assert (status, response["token_type"]) == (200, "Bearer")
    access = response["access_token"]
    assert send(f"{url}/data/apples/a", access) == (200, "of apples")
    assert send(f"{url}/data/bears/b", access)[0] == 403
    assert send(f"{url}/data/apples/a", access, b"mine", "PUT")[0] == 403
    assert send(f"{url}{GROUP}?api-version=2024-03-01", access)[0] == 403


def test_pod_of_another_service_account_gets_no_token(url: str, client: str) -> None:
    issuer = publish(url)
    status, response = request_token(url, client, token(issuer, sub="system:serviceaccount:web:other"))
    assert (status, response["error"]) == (401, "invalid_client")
    assert "access_token" not in response


def test_token_for_another_audience_reads_no_blob(url: str, client: str) -> None:
    issuer = publish(url)
    _, response = request_token(url, client, token(issuer), scope="https://vault.azure.net/.default")
    assert send(f"{url}/data/apples/a", response["access_token"])[0] == 401
    status, response = request_token(url, client, token(issuer), client_assertion_type="")
    assert (status, response["error"]) == (400, "invalid_request")


def test_everyone_reads_public_blobs_and_nothing_else(url: str) -> None:
    publish(url)
    assert send(f"{url}/issuer/oidc/openid/v1/jwks") == (200, KEYS)
    assert send(f"{url}/issuer/oidc?restype=container&comp=list")[0] == 401
    assert send(f"{url}/data/apples/a")[0] == 401
    assert send(f"{url}/issuer/oidc/openid/v1/jwks", "", b"{}", "PUT")[0] == 401
    put(account("issuer"), {"properties": {"allowBlobPublicAccess": False}})
    write_role_assignments(LAB, Resources.of(LAB))
    assert send(f"{url}/issuer/oidc/openid/v1/jwks")[0] == 401


def test_sdk_of_azure_reads_a_blob_with_the_token_file_of_a_pod(
    url: str, client: str, tmp_path: Path
) -> None:
    token_file, ca = tmp_path / "token", str(LabPaths.of(LAB).ca)
    token_file.write_text(token(publish(url)))
    credential = WorkloadIdentityCredential(
        tenant_id=TENANT,
        client_id=client,
        token_file_path=str(token_file),
        authority=f"{url}/",
        # Only Microsoft's own hosts are in the list of Entra's authorities.
        disable_instance_discovery=True,
        connection_verify=ca,
    )
    blob = BlobClient.from_blob_url(f"{url}/data/apples/a", credential=credential, connection_verify=ca)
    assert blob.download_blob().readall() == b"of apples"
    public = BlobClient.from_blob_url(f"{url}/issuer/oidc/openid/v1/jwks", connection_verify=ca)
    assert public.download_blob().readall() == KEYS.encode()


def test_tenant_has_the_document_that_libraries_read(url: str) -> None:
    status, text = send(f"{url}/{TENANT}/v2.0/.well-known/openid-configuration")
    assert status == 200
    assert json.loads(text)["token_endpoint"].endswith(f"/{TENANT}/oauth2/v2.0/token")
