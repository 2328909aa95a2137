"""Lab tests of logins by OpenID Connect: `up` adds, replaces and removes issuers on this machine and restarts
nothing.
"""

from __future__ import annotations

import json
from ipaddress import IPv4Network
from pathlib import Path

from testkit import stackfile
from testkit.cluster import Cluster, tool
from testkit.figures import RecordFigures
from testkit.oidc import Issuer, serve_issuer
from testkit.process import CommandResult, run
from testkit.stackfile import DELETE
from tests.reloads.logins import Logins, running_logins

GROUP = "corp:staff"


def as_user(cluster: Cluster, token: str, *words: str) -> CommandResult:
    """Run kubectl with a token and without the administrator's certificate."""
    server = f"--server=https://{cluster.address('cp-1')}:6443"
    authority = f"--certificate-authority={cluster.state}/oidc-ca.crt"
    argv = [tool("kubectl"), "--kubeconfig=/dev/null", server, authority, f"--token={token}", *words]
    return run(argv, check=False, timeout=60)


def machine_address(cluster: Cluster) -> str:
    """Return the address of this machine in the network of the lab."""
    return str(IPv4Network(cluster.config[stackfile.LAB]["network"])[-2])


def issuer_settings(issuer: Issuer, name: str) -> dict[str, object]:
    """Return the settings of an issuer whose users and groups have a prefix."""
    return {
        "url": issuer.url,
        "ca_file": str(issuer.ca_file),
        "audiences": ["kubernetes"],
        "username": {"claim": "sub", "prefix": f"{name}:"},
        "groups": {"claim": "groups", "prefix": f"{name}:"},
    }


def write_authority(cluster: Cluster) -> Path:
    """Write the authority of the API to a file and return its path."""
    path = cluster.state / "oidc-ca.crt"
    path.write_text(cluster.pulumi("stack", "output", "ca"))
    return path


def test_users_of_an_issuer_log_in_without_a_restart(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    """A mistake that only the API server finds makes `up` fail, and the API server keeps its issuers."""
    write_authority(cluster)
    with serve_issuer(tmp_path, machine_address(cluster)) as issuer:
        corp = issuer_settings(issuer, "corp")
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


def test_keys_and_issuers_are_replaced_without_a_failed_request(
    cluster: Cluster, namespace: str, tmp_path: Path, record_figures: RecordFigures
) -> None:
    """The issuer replaces its signing key, and `up` replaces the issuer while users of both log in."""
    directories = [tmp_path / name for name in ("old", "new")]
    for directory in directories:
        directory.mkdir()
    binding = {"cluster_role": "view", "groups": ["corp:staff", "next:staff"]}
    url = f"https://{cluster.address('cp-1')}:6443/api/v1/namespaces/{namespace}/pods"
    authority = write_authority(cluster)
    machine = machine_address(cluster)
    with (
        serve_issuer(directories[0], machine) as old,
        serve_issuer(directories[1], machine) as new,
        cluster.temporary_settings(
            {
                "api": {"oidc": {"corp": issuer_settings(old, "corp")}},
                "access": {"bindings": {"staff": binding}},
            }
        ),
    ):
        old.published = ["RS256"]
        cluster.up()
        before = cluster.services("cp-1")
        claims: dict[str, object] = {"sub": "ada", "groups": ["staff"]}
        with running_logins(Logins(url, authority, old, "RS256", claims)) as logins:
            logins.wait()
            # A new signing key of the issuer, as OpenID Connect Discovery describes it.
            assert as_user(cluster, old.token("ES256", **claims), "get", "pods", "-n", namespace).code != 0
            old.published = ["RS256", "ES256"]
            logins.use(old, "ES256")
            old.published = ["ES256"]
            logins.wait()
            # A new issuer.
            cluster.merge_settings({"api": {"oidc": {"next": issuer_settings(new, "next")}}})
            cluster.up()
            logins.use(new, "ES256")
            cluster.merge_settings({"api": {"oidc": {"corp": DELETE}}})
            cluster.up()
            logins.wait()
        record_figures(
            requests=logins.requests, failed=len(logins.failures), gap=round(logins.longest_gap, 1)
        )
        assert logins.failures == []
        assert logins.requests > 200
        assert cluster.services("cp-1") == before
        token = old.token("ES256", jti="removed", **claims)
        assert "Unauthorized" in as_user(cluster, token, "get", "pods", "-n", namespace).text
