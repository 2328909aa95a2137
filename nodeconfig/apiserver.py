"""Component of kube-apiserver [D1, D2]. Security settings are flags, because audit tools inspect the command
line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from nodeconfig.api_policies import (
    AUDIT_POLICY,
    admission_file,
    admission_flags,
    audit_policy,
)
from nodeconfig.authentication import AUTHENTICATION, authentication_file
from nodeconfig.authorization import authorization_files, authorization_flags, webhook_kubeconfigs
from nodeconfig.bundle import File, SecretFile, Service
from nodeconfig.component import Component, combine_components
from nodeconfig.encryption import ENCRYPTION_FILE, encryption_is_loaded
from nodeconfig.etcd_proxy import ETCD_PROXY_UNIT, needs_proxy
from nodeconfig.extra_flags import with_extra_flags
from nodeconfig.host_paths import (
    ADMIN_KUBECONFIG,
    BIN,
    CA,
    CIPHERS,
    KUBERNETES,
    LOCAL_API,
    LOCAL_ETCD,
    PKI,
    STATE_DIRECTORY,
)
from nodeconfig.kubeconfig import authority_file, certificate_files, kubeconfig_with_certificate
from nodeconfig.reloaded_files import KUBECTL, has_loaded
from nodeconfig.service_user import ServiceUser
from nodeconfig.systemd import Unit, sandbox
from topology.model import Member, Topology
from topology.ports import API_PORT, ETCD_CLIENT_PORT

_AUDIT_LOGS = "/var/log/kubernetes"
_LOGS_MOVED = f"{STATE_DIRECTORY}/audit-logs-moved"
_KUBELET_CA = authority_file("kubelet-serving-ca")
_USER = ServiceUser("kube-apiserver")


def component(topology: Topology, member: Member) -> Component:
    """Return the kube-apiserver component of a control plane, with the kubeconfig of the administrator."""
    admin, admin_files = kubeconfig_with_certificate(ADMIN_KUBECONFIG, LOCAL_API, "admin")
    policies = (admission_file(topology.control_plane), audit_policy())
    authentication = authentication_file(topology.control_plane)
    leaves = (
        *certificate_files(f"apiserver-{member.name}", stem="apiserver"),
        *certificate_files("apiserver-kubelet-client"),
        *certificate_files("apiserver-etcd-client"),
        *certificate_files("front-proxy-client"),
    )
    restart_files = (
        authority_file("kubernetes-ca"),
        authority_file("etcd-ca"),
        authority_file("front-proxy-ca"),
        _KUBELET_CA,
        SecretFile(f"{PKI}/service-account.key", "service-account.key"),
        SecretFile(f"{PKI}/service-account.pub", "service-account.pub", mode=0o644),
        *webhook_kubeconfigs(topology.control_plane),
    )
    # The server reloads these files and its leaf certificates, so they require no restart.
    authorization = authorization_files(topology.control_plane, _USER)
    reloaded = (authentication, *authorization)
    loaded, load_seconds = encryption_is_loaded(topology)
    unit = with_extra_flags(_service_unit(topology, member), "api.extra_args", topology.extra_flags.api)
    watched = (
        f"{BIN}/kube-apiserver",
        *(item.path for item in policies),
        *(item.path for item in restart_files),
    )
    ready = _readiness(topology, authentication, authorization)
    ready += f" && {loaded}" if loaded else ""
    # The server also reloads the encryption configuration.
    secrets = (*restart_files, *leaves, ENCRYPTION_FILE)
    service = Component(
        files=(*policies, *reloaded, admin, unit.file()),
        secrets=(*secrets, *admin_files),
        artifacts=(("kube-apiserver", f"{BIN}/kube-apiserver"), ("kubectl", f"{BIN}/kubectl")),
        services=(Service(unit.name, restart_on=watched, ready=ready, timeout=120 + load_seconds),),
        directories=(
            File(KUBERNETES, "", mode=0o755),
            File(PKI, "", mode=0o755),
            File(_AUDIT_LOGS, "", mode=0o700, owner=_USER.owner),
        ),
    )
    private = tuple(file for file in secrets if file.mode == 0o600)
    return combine_components((_USER.component(private), service))


def _readiness(topology: Topology, authentication: File, authorization: Iterable[File]) -> str:
    """Return sh text that succeeds when the server is ready and has loaded these files."""
    ready = f"{KUBECTL} get --raw /readyz"
    if topology.load_balancers:
        # Later steps use the load balancers, which detect a ready server with a delay.
        ready += f" && {ready} --server={topology.endpoint.url}"
    ready += f" && {has_loaded('authentication', authentication.path)}"
    for file in authorization:
        ready += f" && {has_loaded('authorization', file.path)}"
    return ready


def _service_unit(topology: Topology, member: Member) -> Unit:
    flags: dict[str, str | tuple[str, ...]] = {
        **_serving_flags(topology, member),
        **_authentication_flags(topology),
        **_storage_flags(topology, member),
        **_limit_flags(topology),
    }
    plugin = topology.encryption.kms
    after = ["network.target", _USER.secrets_unit, "etcd.service"]
    after += [ETCD_PROXY_UNIT] if needs_proxy(topology, member) else []
    after += [plugin.after] if plugin and plugin.after else []
    return Unit(
        name="kube-apiserver.service",
        description="Kubernetes API server",
        command=(f"{BIN}/kube-apiserver", *_arguments(flags)),
        after=tuple(after),
        type="notify",
        service=(
            f"User={_USER.name}",
            # Version 0.1 wrote these logs as root. Only the first start changes their owner, because the
            # server could replace a log by a link later.
            f"ExecStartPre=+/bin/sh -c '[ -e {_LOGS_MOVED} ] || "
            f"{{ chown -hR {_USER.owner} {_AUDIT_LOGS} && touch {_LOGS_MOVED}; }}'",
            "LimitNOFILE=65536",
            "TimeoutStopSec=120",
            "OOMScoreAdjust=-998",
            *sandbox(writable=(_AUDIT_LOGS,)),
        ),
    )


def _arguments(flags: Mapping[str, str | tuple[str, ...]]) -> Iterator[str]:
    """Yield a flag for each value. A flag with several values appears several times."""
    for name, value in flags.items():
        for item in (value,) if isinstance(value, str) else value:
            yield f"--{name}={item}"


def _serving_flags(topology: Topology, member: Member) -> dict[str, str]:
    network = topology.network
    flags = {
        "advertise-address": str(member.node_address),
        "bind-address": "0.0.0.0",
        "secure-port": str(API_PORT),
        "tls-cert-file": f"{PKI}/apiserver.crt",
        "tls-private-key-file": _USER.copy(f"{PKI}/apiserver.key"),
        "tls-min-version": "VersionTLS12",
        "tls-cipher-suites": ",".join(CIPHERS),
        "service-cluster-ip-range": str(network.services),
        "service-node-port-range": f"{network.node_ports[0]}-{network.node_ports[1]}",
        # Pod Security decides which namespaces may have privileged pods. Without this flag, the API server
        # refuses them everywhere, and drivers and network plugins cannot run.
        "allow-privileged": "true",
        "kubelet-preferred-address-types": "InternalIP",
        # Nothing else trusts this authority: clients of the API reject its certificates.
        "kubelet-certificate-authority": _KUBELET_CA.path,
        "kubelet-client-certificate": f"{PKI}/apiserver-kubelet-client.crt",
        "kubelet-client-key": _USER.copy(f"{PKI}/apiserver-kubelet-client.key"),
        "profiling": "false",
    }
    if len(topology.control_planes) > 1:
        # This flag redistributes long-lived connections after one of the API servers was unavailable.
        flags["goaway-chance"] = "0.001"
    # With open watches, a stopping server would keep its port for a minute without answering.
    flags |= {"shutdown-send-retry-after": "true", "shutdown-watch-termination-grace-period": "2s"}
    if topology.load_balancers or len(topology.control_planes) > 1:
        # A load balancer must see /readyz fail before connections are refused. With Kubewright's load
        # balancers this takes 2 s. Then watches end gradually, so that they do not all reconnect to the
        # next server at the same time.
        flags |= {"shutdown-delay-duration": "10s", "shutdown-watch-termination-grace-period": "10s"}
    return flags


def _authentication_flags(topology: Topology) -> dict[str, str | tuple[str, ...]]:
    options = topology.control_plane
    jwks = {"service-account-jwks-uri": options.jwks_uri} if options.jwks_uri else {}
    return {
        "authentication-config": AUTHENTICATION,
        **authorization_flags(options),
        "client-ca-file": CA,
        "enable-bootstrap-token-auth": "true",
        # Tokens get the first issuer. The API servers accept all issuers.
        "service-account-issuer": options.service_account_issuers,
        **jwks,
        # A token of the default lifetime would otherwise be valid for a year (CIS 1.2.30).
        "service-account-extend-token-expiration": "false",
        "service-account-key-file": f"{PKI}/service-account.pub",
        "service-account-signing-key-file": _USER.copy(f"{PKI}/service-account.key"),
        "service-account-lookup": "true",
        **admission_flags(topology.control_plane),
        "enable-aggregator-routing": "true",
        "requestheader-client-ca-file": f"{PKI}/front-proxy-ca.crt",
        "requestheader-allowed-names": "front-proxy-client",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-username-headers": "X-Remote-User",
        "proxy-client-cert-file": f"{PKI}/front-proxy-client.crt",
        "proxy-client-key-file": _USER.copy(f"{PKI}/front-proxy-client.key"),
    }


def _storage_flags(topology: Topology, member: Member) -> dict[str, str]:
    flags = {
        "etcd-servers": ",".join(_etcd_servers(topology, member)),
        "etcd-cafile": f"{PKI}/etcd-ca.crt",
        "etcd-certfile": f"{PKI}/apiserver-etcd-client.crt",
        "etcd-keyfile": _USER.copy(f"{PKI}/apiserver-etcd-client.key"),
        "encryption-provider-config": _USER.copy(ENCRYPTION_FILE.path),
        "encryption-provider-config-automatic-reload": "true",
        "event-ttl": topology.control_plane.event_ttl,
    }
    if len(topology.control_planes) > 1:
        # A load balancer removes an API server whose etcd member does not answer. The time is longer than
        # most elections of a leader, during which no member answers.
        flags["etcd-readycheck-timeout"] = "1500ms"
    return flags


def requires_own_etcd(topology: Topology, member: Member) -> bool:
    """Check whether an API server uses only the etcd member on its host, although etcd has other members.

    If this member fails, a load balancer removes the API server.
    """
    is_member = member.name in {other.name for other in topology.etcd}
    return is_member and len(topology.etcd) > 1 and len(topology.control_planes) > 1


def _etcd_servers(topology: Topology, member: Member) -> list[str]:
    """Return the URLs of the etcd members that an API server uses.

    The client in the API server needs 40 s to notice a member that accepts connections and does not answer.
    """
    urls = {other.name: f"https://{other.address}:{ETCD_CLIENT_PORT}" for other in topology.etcd}
    if needs_proxy(topology, member):
        return [LOCAL_ETCD]
    if requires_own_etcd(topology, member):
        return [urls[member.name]]
    return list(urls.values())


def _limit_flags(topology: Topology) -> dict[str, str]:
    options = topology.control_plane
    return {
        "max-requests-inflight": str(options.max_requests_inflight),
        "max-mutating-requests-inflight": str(options.max_mutating_requests_inflight),
        "audit-policy-file": AUDIT_POLICY,
        "audit-log-path": f"{_AUDIT_LOGS}/audit.log",
        "audit-log-maxage": str(options.audit_max_age_days),
        "audit-log-maxbackup": str(options.audit_max_backups),
        "audit-log-maxsize": str(options.audit_max_size_mb),
    }
