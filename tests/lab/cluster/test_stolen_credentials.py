"""Lab tests of attacks by root on w-1 with every credential that a search of its whole disk finds [B4]."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3

from nodeconfig.host_paths import PKI
from testkit import pods
from testkit.certificates import issue_certificate
from testkit.cluster import Cluster
from testkit.disk_search import Credential, find_credentials
from tests.lab.cluster.test_node_identity import (
    ATTACKER,
    CLIENT,
    FIRST,
    PREFIX,
    SERVING,
    VICTIM,
    assert_never_signed,
    request,
    unchanged,
)

__all__ = ["unchanged"]
pytestmark = pytest.mark.release
NO_IDENTITY = "none"
KNOWN = {
    r"/var/lib/kubelet/pki/kubelet-client-[0-9-]+\.pem": f"system:node:{ATTACKER}",
    # Only the API server trusts the authority of these certificates, for connections to kubelets.
    r"/var/lib/kubelet/pki/kubelet-server-[0-9-]+\.pem": NO_IDENTITY,
    rf"{PKI}/kube-proxy\.key": "system:kube-proxy",
    rf"{PKI}/bootstrap\.token": r"system:bootstrap:[a-z0-9]{6}",
    r"/etc/ssh/ssh_host_[a-z0-9]+_key": NO_IDENTITY,
    # Libraries test themselves with these public keys.
    r"/usr/lib/[^/]+/libgnutls\.so[.0-9]*": NO_IDENTITY,
    # Keys of servers, such as that of metrics-server.
    r"/var/lib/kubelet/pods/[^/]+/volumes/kubernetes\.io~secret/.+": NO_IDENTITY,
    # The API refuses the tokens of pods that other tests have deleted.
    r"/var/lib/kubelet/pods/[^/]+/volumes/kubernetes\.io~projected/.+/token": (
        rf"system:serviceaccount:.+|{NO_IDENTITY}"
    ),
}
"""Patterns of the paths of all credentials on a worker's disk, with the user that the API sees."""
BOOTSTRAP = "bootstrap-token-"
HOLDER, OTHER = "holder", "other"
"""Pods and their Secrets: one on the attacker's node, one on the node of the victim."""
MAX_KEYS = 4
"""Number of keys in one SSH connection. sshd ends a connection after six wrong keys."""
MERGE = "application/merge-patch+json"
ADDRESS = {"status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]}}
TOKEN_REQUEST = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
REVIEWS = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"


@dataclass(frozen=True, slots=True)
class Attack:
    """A request that no credential of a worker may send. An administrator may send it."""

    method: str
    path: str
    body: object = None
    user: str = ""
    """The user to impersonate."""


class Api:
    """A client of the API on this machine, with a credential and without kubectl, which would ask first."""

    def __init__(self, cluster: Cluster, directory: Path, credential: Credential) -> None:
        """Write the files of a certificate to the directory. Its parent has the file `ca`."""
        directory.mkdir()
        self._server = f"https://{cluster.address('cp-1')}:6443"
        self._token = credential.value if credential.kind == "token" else ""
        certificate, key = directory / "crt", directory / "key"
        if credential.certificate:
            certificate.write_text(credential.certificate)
            key.write_text(credential.value)
        self._pool = urllib3.PoolManager(
            ca_certs=str(directory.parent / "ca"),
            cert_file=str(certificate) if credential.certificate else None,
            key_file=str(key) if credential.certificate else None,
            retries=False,
        )

    def send(self, attack: Attack, *, dry_run: bool = False) -> tuple[int, str]:
        """Send a request. Return the status and the text of the answer."""
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        headers["Content-Type"] = MERGE if attack.method == "PATCH" else "application/json"
        if attack.user:
            headers["Impersonate-User"] = attack.user
        answer = self._pool.request(
            attack.method,
            self._server + attack.path + ("?dryRun=All" if dry_run else ""),
            body=None if attack.body is None else json.dumps(attack.body).encode(),
            headers=headers,
            timeout=30,
        )
        return answer.status, answer.data.decode()

    def identity(self) -> str:
        """Return the name of the user that the API sees; NO_IDENTITY if it refuses the credential."""
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        status, text = self.send(Attack("POST", REVIEWS, review))
        assert status in (201, 401), text
        return str(json.loads(text)["status"]["userInfo"]["username"]) if status == 201 else NO_IDENTITY


@dataclass(frozen=True, slots=True)
class Loot:
    """The credentials on the attacker's disk, and clients for those that the API accepts, by user."""

    namespace: str
    credentials: list[Credential]
    identities: list[str]
    apis: dict[str, Api]
    administrator: Api


@pytest.fixture(scope="module")
def loot(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loot]:
    """Search the attacker's disk while a pod with a Secret runs there, and another on the victim's node."""
    namespace, directory = "stolen-credentials", tmp_path_factory.mktemp("loot")
    cluster.apply(pods.namespace(namespace))
    try:
        for name, node in ((HOLDER, ATTACKER), (OTHER, VICTIM)):
            secret = {"kind": "Secret", "metadata": {"namespace": namespace, "name": name}}
            key = issue_certificate(name).key_pem.decode()
            cluster.apply({"apiVersion": "v1", **secret, "stringData": {"tls.key": key}})
            volume = {"name": "secret", "secret": {"secretName": name}}
            # The kubelet writes only volumes that a container mounts.
            main = pods.container("sleep 3600", volumeMounts=[{"name": "secret", "mountPath": "/secret"}])
            spec = pods.spec(main, volumes=[volume], **pods.on_node(node))
            cluster.apply(pods.pod(namespace, name, spec))
        wait = ("wait", "-n", namespace, "--for=condition=Ready", "pod", "--all", "--timeout=90s")
        cluster.kubectl(*wait, timeout=100)
        (directory / "ca").write_text(cluster.ssh(ATTACKER, f"cat {PKI}/kubernetes-ca.crt").stdout)
        ids = {name.removeprefix(BOOTSTRAP) for name in bootstrap_secrets(cluster)}
        credentials = find_credentials(cluster, ATTACKER, ids)
        identities: list[str] = []
        apis: dict[str, Api] = {}
        for number, credential in enumerate(credentials):
            identity = NO_IDENTITY
            if credential.kind == "token" or credential.certificate:
                api = Api(cluster, directory / str(number), credential)
                identity = api.identity()
                apis[identity] = api
            identities.append(identity)
        apis.pop(NO_IDENTITY, None)
        yield Loot(namespace, credentials, identities, apis, administrator(cluster, directory))
    finally:
        cluster.kubectl("delete", "namespace", namespace, "--wait=false")


def bootstrap_secrets(cluster: Cluster) -> list[str]:
    """Return the names of the Secrets of all bootstrap tokens."""
    names = [item["metadata"]["name"] for item in cluster.items("secrets", "-n", "kube-system")]
    found = [name for name in names if name.startswith(BOOTSTRAP)]
    assert len(found) >= len(cluster.nodes)
    return found


def administrator(cluster: Cluster, directory: Path) -> Api:
    """Return the client of the administrator, who may send every request."""
    view = cluster.kubectl("config", "view", "--raw", "-o", "json").stdout
    user = json.loads(view)["users"][0]["user"]
    pem = {name: base64.b64decode(user[f"client-{name}-data"]).decode() for name in ("certificate", "key")}
    return Api(cluster, directory / "administrator", Credential("", "key", pem["key"], pem["certificate"]))


def test_the_disk_of_a_worker_has_only_its_own_credentials(loot: Loot) -> None:
    """A credential at a path that is not in the table fails, and so does a missing one."""
    seen: set[str] = set()
    for credential, identity in zip(loot.credentials, loot.identities, strict=True):
        matching = [pattern for pattern in KNOWN if re.fullmatch(pattern, credential.path)]
        assert matching, f"the disk of {ATTACKER} has an unknown credential: {credential}"
        assert re.fullmatch(KNOWN[matching[0]], identity), f"{credential.path} is the identity {identity}"
        seen |= set(matching)
    assert seen == set(KNOWN)
    assert f"system:serviceaccount:{loot.namespace}:default" in loot.apis


def test_no_key_of_a_worker_opens_a_host(cluster: Cluster, loot: Loot, tmp_path: Path) -> None:
    keys = [credential for credential in loot.credentials if credential.kind == "key"]
    paths = [tmp_path / f"key-{number}" for number in range(len(keys))]
    for path, credential in zip(paths, keys, strict=True):
        path.touch(mode=0o600)
        path.write_text(credential.value)
    assert len(paths) >= 4
    for host in ("cp-1", VICTIM, ATTACKER):
        for first in range(0, len(paths), MAX_KEYS):
            result = login(cluster, paths[first : first + MAX_KEYS], host)
            assert result.returncode == 255, f"a key of {ATTACKER} opens {host}"
            assert "Permission denied (publickey" in result.stderr, result.stderr
    # The key of the administrator opens the host in the same way.
    assert login(cluster, [cluster.lab / "ssh/id_ed25519"], VICTIM).returncode == 0


def login(cluster: Cluster, keys: list[Path], host: str) -> subprocess.CompletedProcess[str]:
    """Run a command on a host by SSH with one of these keys."""
    options = ("BatchMode=yes", "IdentitiesOnly=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=10")
    known = f"UserKnownHostsFile={cluster.lab / 'ssh/known_hosts'}"
    argv = [
        "ssh",
        "-F",
        "none",
        *(f"-i{key}" for key in keys),
        *(f"-o{option}" for option in (*options, known)),
    ]
    argv += [f"root@{cluster.address(host)}", "true"]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def attacks(cluster: Cluster, namespace: str) -> list[Attack]:
    """Return requests that change other Nodes and pods, read Secrets, approve, or borrow an identity."""
    csr = cluster.get("csr", f"{PREFIX}-pending")
    now = {"lastUpdateTime": None, "type": "Approved", "status": "True", "reason": "x", "message": "x"}
    csr["status"] = {"conditions": [now]}
    uid = cluster.get("pod", "-n", namespace, OTHER)["metadata"]["uid"]
    bound = {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": OTHER, "uid": uid}}
    token = bootstrap_secrets(cluster)[0]
    nodes = [f"/api/v1/nodes/{node}" for node in (VICTIM, "cp-1")]
    public_ip = {"flannel.alpha.coreos.com/public-ip": "192.0.2.1"}
    taint = {"key": "attack", "effect": "NoExecute"}
    return [
        *(Attack("PATCH", f"{node}/status", ADDRESS) for node in nodes),
        *(Attack("PATCH", node, {"metadata": {"labels": {"attack": "yes"}}}) for node in nodes),
        *(Attack("PATCH", node, {"metadata": {"annotations": public_ip}}) for node in nodes),
        *(Attack("PATCH", node, {"spec": {"taints": [taint]}}) for node in nodes),
        *(Attack("DELETE", node) for node in nodes),
        Attack("GET", f"{nodes[0]}/proxy/pods"),
        Attack("GET", "/api/v1/secrets"),
        Attack("GET", "/api/v1/namespaces/kube-system/secrets"),
        Attack("GET", f"/api/v1/namespaces/kube-system/secrets/{token}"),
        Attack("GET", f"/api/v1/namespaces/{namespace}/secrets/{OTHER}"),
        Attack("DELETE", f"/api/v1/namespaces/{namespace}/pods/{OTHER}"),
        Attack("POST", "/api/v1/namespaces/kube-system/serviceaccounts/default/token", TOKEN_REQUEST),
        Attack(
            "POST",
            f"/api/v1/namespaces/{namespace}/serviceaccounts/default/token",
            TOKEN_REQUEST | {"spec": bound},
        ),
        Attack(
            "PATCH",
            f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{VICTIM}",
            {"spec": {"holderIdentity": ATTACKER}},
        ),
        Attack("PUT", f"{REQUESTS}/{PREFIX}-pending/approval", csr),
        Attack("PATCH", f"{REQUESTS}/{PREFIX}-pending/approval", {"status": csr["status"]}),
        Attack("GET", "/api/v1/nodes", user="system:kube-scheduler"),
    ]


def test_no_credential_on_the_disk_sends_a_forbidden_request(cluster: Cluster, loot: Loot) -> None:
    """The administrator sends each request without effect first: it is refused for its sender alone."""
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(request("pending", "kubewright:admin", CLIENT)))
    assert len(loot.apis) >= 4, sorted(loot.apis)
    kubelet = loot.apis[f"system:node:{ATTACKER}"]
    own = Attack("GET", f"/api/v1/namespaces/{loot.namespace}/secrets/{HOLDER}")
    assert kubelet.send(own)[0] == 200, "a kubelet reads the Secrets of its pods"
    for attack in attacks(cluster, loot.namespace):
        shown = f"{attack.method} {attack.path}"
        status, text = loot.administrator.send(attack, dry_run=attack.method != "GET")
        assert status in (200, 201), f"{shown}: {text}"
        for user, api in loot.apis.items():
            status, text = api.send(attack)
            assert status == 403, f"{user}: {shown}: {status}: {text}"
    assert_never_signed(cluster, ["pending"])


def test_no_credential_on_the_disk_gives_another_certificate(cluster: Cluster, loot: Loot) -> None:
    """Requests that the API server accepts are not approved."""
    created: dict[str, list[str]] = {user: [] for user in loot.apis}
    wanted: list[tuple[str, str]] = [
        (signer, f"system:node:{name}") for name in (VICTIM, "cp-1", "w-9") for signer in (FIRST, SERVING)
    ]
    wanted += [(CLIENT, "kubewright:admin"), (CLIENT, f"system:node:{VICTIM}"), (CLIENT, "system:kube-proxy")]
    for sender, (user, api) in enumerate(loot.apis.items()):
        for number, (signer, name) in enumerate(wanted):
            body: dict[str, Any] = request(f"{sender}-{number}", name, signer)
            status, text = api.send(Attack("POST", REQUESTS, body))
            assert status in (201, 403), f"{user}: {name} by {signer}: {status}: {text}"
            if status == 201:
                created[user].append(f"{sender}-{number}")
    assert created[f"system:node:{ATTACKER}"], "a kubelet may request certificates"
    assert created["system:kube-proxy"] == []
    assert_never_signed(cluster, [name for names in created.values() for name in names])
