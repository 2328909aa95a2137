"""Lab test of a login by OpenID Connect: `up` adds an issuer on this machine and restarts nothing."""

from __future__ import annotations

import json
from ipaddress import IPv4Network
from pathlib import Path

from testkit import stackfile
from testkit.cluster import Cluster, tool
from testkit.oidc import serve_issuer
from testkit.process import CommandResult, run

GROUP = "corp:staff"


def as_user(cluster: Cluster, token: str, *words: str) -> CommandResult:
    """Run kubectl with a token and without the administrator's certificate."""
    server = f"--server=https://{cluster.address('cp-1')}:6443"
    authority = f"--certificate-authority={cluster.state}/oidc-ca.crt"
    argv = [tool("kubectl"), "--kubeconfig=/dev/null", server, authority, f"--token={token}", *words]
    return run(argv, check=False, timeout=60)


def test_users_of_an_issuer_log_in_without_a_restart(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    """A mistake that only the API server finds makes `up` fail, and the API server keeps its issuers."""
    machine = str(IPv4Network(cluster.config[stackfile.LAB]["network"])[-2])
    cluster.state.joinpath("oidc-ca.crt").write_text(cluster.pulumi("stack", "output", "ca"))
    with serve_issuer(tmp_path, machine) as issuer:
        corp = {
            "url": issuer.url,
            "ca_file": str(issuer.ca_file),
            "audiences": ["kubernetes"],
            "username": {"claim": "sub", "prefix": "corp:"},
            "groups": {"claim": "groups", "prefix": "corp:"},
        }
        binding = {"cluster_role": "view", "groups": [GROUP]}
        change = {"api": {"oidc": {"corp": corp}}, "access": {"bindings": {"staff": binding}}}
        before = cluster.services("cp-1")
        with cluster.temporary_settings(change):
            cluster.up()
            assert cluster.services("cp-1") == before, "the new issuer restarted a service"
            token = issuer.token("RS256", sub="ada", groups=["staff"])
            shown = as_user(cluster, token, "auth", "whoami", "-o", "json")
            user = json.loads(shown.stdout)["status"]["userInfo"]
            assert user["username"] == "corp:ada"
            assert GROUP in user["groups"]
            assert as_user(cluster, token, "get", "pods", "-n", namespace).code == 0
            assert "Forbidden" in as_user(cluster, token, "get", "secrets", "-n", namespace).text
            masters = issuer.token("ES256", sub="eve", groups=["staff"], aud="other")
            assert "Unauthorized" in as_user(cluster, masters, "get", "pods").text

            mistake = {"user_validation_rules": [{"expression": "user.name == 'ada'"}]}
            with cluster.edited_stack_file({"api": {"oidc": {"corp": mistake}}}):
                failed = cluster.up(check=False)
            assert failed.code != 0
            assert "has not loaded /etc/kubernetes/authentication.json" in failed.text, failed.text
            assert as_user(cluster, token, "get", "pods", "-n", namespace).code == 0
    assert "Unauthorized" in as_user(cluster, token, "get", "pods", "-n", namespace).text
    assert cluster.services("cp-1") == before
