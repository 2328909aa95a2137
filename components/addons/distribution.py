"""The registry for images and charts, by distribution [H4]."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi_kubernetes.core.v1 as core
import pulumi_kubernetes.networking.v1 as networking
from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from components.addons.cert_manager_issuers import API_VERSION
from components.addons.default_accounts import create_default_account
from components.addons.digests import text_digest
from components.addons.distribution_collection import create_collection
from components.addons.distribution_config import (
    HTTP_SECRET_VARIABLE,
    PORT,
    READER_FILE,
    USERS_FILE,
    WRITER_FILE,
    certificate_files,
    configuration,
    store_variable,
)
from components.addons.distribution_pods import (
    CERTIFICATE_NAME,
    CLAIM_NAME,
    LABELS,
    READER,
    SECRETS_NAME,
    SETTINGS_NAME,
    USERS_NAME,
    create_pods,
)
from components.addons.workload import disruption_budget, pod_security_labels
from components.api import Api
from components.bcrypt import bcrypt_hash
from topology.cert_manager import AcmeIssuer
from topology.distribution import CERTIFICATE, NAMESPACE, SERVICE, Distribution, ServiceType, Volume
from topology.environments import PRODUCTION
from topology.model import Topology


@dataclass(frozen=True, kw_only=True)
class UserSecret:
    """The password of a user, or with `is_hash` the bcrypt hash of the password."""

    secret: Input[str]
    is_hash: bool


@dataclass(frozen=True, kw_only=True)
class RegistryArgs:
    """Arguments of `RegistryAddOn`.

    `key` is a secret of the cluster, from which salts and other secrets follow. `secrets` has the certificate
    that the CA of the cluster signs, and its key. `store_secret` is the secret of an object store. `issuers`
    are the resources of cert-manager, one of whose issuers can sign the certificate.
    """

    api: Api
    topology: Topology
    distribution: Distribution
    key: Output[str]
    secrets: Mapping[str, Output[str]]
    users: Mapping[str, UserSecret]
    store_secret: Input[str] | None = None
    issuers: Sequence[Resource] = ()


class RegistryAddOn(ComponentResource):
    """distribution with its storage, certificate, logins and service."""

    def __init__(self, name: str, args: RegistryArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:Registry", name, None, opts)
        self._name, self._args, self._data = name, args, args.distribution
        namespace = core.Namespace(
            f"{name}-namespace",
            metadata=ObjectMetaArgs(name=NAMESPACE, labels=pod_security_labels("restricted")),
            opts=args.api.options(self),
        )
        self._options = args.api.options(self, depends_on=[namespace])
        create_default_account(f"{name}-default-account", NAMESPACE, self._options)
        before = [
            self._create_settings(),
            self._create_secrets(),
            self._create_certificate(),
            self._create_network_policy(),
            *self._create_users(),
            *self._create_claim(),
        ]
        pods = args.api.options(self, depends_on=[*before, *args.api.publication])
        annotations = self._restart_annotations()
        for workload in (SERVICE, READER) if self._data.collection else (SERVICE,):
            create_pods(f"{name}-{workload}", workload, args.topology, self._data, annotations, pods)
        self._create_service()
        disruption_budget(f"{name}-budget", SERVICE, NAMESPACE, LABELS, self._options)
        if self._data.collection:
            create_collection(
                f"{name}-collection", args.topology, self._data, self._data.collection, self._options
            )
        self.register_outputs({})

    def _metadata(self, name: str) -> ObjectMetaArgs:
        return ObjectMetaArgs(name=name, namespace=NAMESPACE)

    def _settings(self) -> dict[str, str]:
        """Return the files that are not secret."""
        files = [WRITER_FILE, READER_FILE] if self._data.collection else [WRITER_FILE]
        texts = {
            file: json.dumps(configuration(self._data, read_only=file == READER_FILE), indent=1)
            for file in files
        }
        return texts | certificate_files(self._data)

    def _create_settings(self) -> Resource:
        return core.ConfigMap(
            f"{self._name}-settings",
            metadata=self._metadata(SETTINGS_NAME),
            data=self._settings(),
            opts=self._options,
        )

    def _create_secrets(self) -> Resource:
        """Create the secrets that the program reads from its environment."""
        values: dict[str, Input[str]] = {HTTP_SECRET_VARIABLE: self._derived("http secret")}
        if variable := store_variable(self._data):
            assert self._args.store_secret is not None, "an object store has a secret"
            values[variable] = Output.secret(self._args.store_secret)
        return core.Secret(
            f"{self._name}-secrets",
            metadata=self._metadata(SECRETS_NAME),
            string_data=values,
            opts=self._options,
        )

    def _derived(self, purpose: str) -> Output[str]:
        """Return 256 bits as text, which follow from the key of the cluster."""
        derived: Output[str] = self._args.key.apply(
            lambda key: hmac.new(key.encode(), f"registry {purpose}".encode(), hashlib.sha256).hexdigest()
        )
        return derived

    def _create_users(self) -> list[Resource]:
        """Create the file with the bcrypt hashes of passwords, which the program reads again on a change."""
        if not self._args.users:
            return []
        lines = [self._user_line(name, user) for name, user in self._args.users.items()]
        text: Output[str] = Output.all(*lines).apply("".join)
        secret = core.Secret(
            f"{self._name}-users",
            metadata=self._metadata(USERS_NAME),
            string_data={USERS_FILE: text},
            opts=self._options,
        )
        return [secret]

    def _user_line(self, name: str, user: UserSecret) -> Output[str]:
        if user.is_hash:
            return Output.format("{0}:{1}\n", name, Output.secret(user.secret))
        line: Output[str] = Output.all(Output.secret(user.secret), self._args.key).apply(
            lambda values: f"{name}:{bcrypt_hash(values[0], values[1], f'registry {name}')}\n"
        )
        return line

    def _create_certificate(self) -> Resource:
        secrets, topology = self._args.secrets, self._args.topology
        if not self._data.issuer:
            return core.Secret(
                f"{self._name}-certificate",
                metadata=self._metadata(CERTIFICATE_NAME),
                type="kubernetes.io/tls",
                string_data={
                    "tls.crt": secrets[f"{CERTIFICATE}.crt"],
                    "tls.key": secrets[f"{CERTIFICATE}.key"],
                },
                opts=self._options,
            )
        issuers = topology.cert_manager.issuers if topology.cert_manager else ()
        is_acme = any(item.name == self._data.issuer and isinstance(item, AcmeIssuer) for item in issuers)
        names = self._data.dns_names(topology.network.domain)
        return CustomResource(
            f"{self._name}-certificate",
            api_version=API_VERSION,
            kind="Certificate",
            metadata=self._metadata(CERTIFICATE_NAME),
            spec={
                "secretName": CERTIFICATE_NAME,
                # ACME proves neither addresses nor names of the cluster.
                "dnsNames": list(names[:1] if is_acme else names),
                **({} if is_acme else {"ipAddresses": [str(self._data.address)]}),
                "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": self._data.issuer},
                "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
                "usages": ["digital signature", "server auth"],
            },
            opts=ResourceOptions.merge(self._options, ResourceOptions(depends_on=list(self._args.issuers))),
        )

    def _create_claim(self) -> list[Resource]:
        """Create the claim of the volume. In production the engine does not delete it, because its images
        have no copy.
        """
        store = self._data.store
        if not isinstance(store, Volume):
            return []
        claim = core.PersistentVolumeClaim(
            f"{self._name}-images",
            metadata=ObjectMetaArgs(
                name=CLAIM_NAME,
                namespace=NAMESPACE,
                # Some classes make the volume only for a pod.
                annotations={"pulumi.com/skipAwait": "true"},
            ),
            spec=core.PersistentVolumeClaimSpecArgs(
                access_modes=["ReadWriteMany" if store.shared else "ReadWriteOnce"],
                storage_class_name=store.storage_class or None,
                resources=core.VolumeResourceRequirementsArgs(requests={"storage": store.size}),
            ),
            opts=ResourceOptions.merge(
                self._options, ResourceOptions(protect=self._args.topology.environment == PRODUCTION)
            ),
        )
        return [claim]

    def _create_network_policy(self) -> Resource:
        """Close all ports of the pods except that of the registry, which asks for a login."""
        port = networking.NetworkPolicyPortArgs(protocol="TCP", port=PORT)
        return networking.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._metadata(SERVICE),
            spec=networking.NetworkPolicySpecArgs(
                pod_selector=LabelSelectorArgs(match_labels=LABELS),
                policy_types=["Ingress"],
                ingress=[networking.NetworkPolicyIngressRuleArgs(ports=[port])],
            ),
            opts=self._options,
        )

    def _create_service(self) -> None:
        data, exposure = self._data, self._data.exposure
        port = core.ServicePortArgs(
            name="https",
            port=data.port,
            target_port="https",
            node_port=data.port if exposure.type is ServiceType.NODE_PORT else None,
        )
        core.Service(
            f"{self._name}-service",
            metadata=ObjectMetaArgs(
                name=SERVICE,
                namespace=NAMESPACE,
                labels=LABELS,
                annotations={"pulumi.com/skipAwait": "true", **dict(exposure.annotations)},
            ),
            spec=core.ServiceSpecArgs(
                type=exposure.type.value,
                cluster_ip=str(data.address),
                selector=LABELS,
                ports=[port],
                load_balancer_source_ranges=[str(network) for network in exposure.sources] or None,
            ),
            opts=self._options,
        )

    def _restart_annotations(self) -> dict[str, Input[str]]:
        """Return annotations that restart the pods for files that the program reads only when it starts."""
        settings = json.dumps(self._settings(), sort_keys=True)
        secrets: list[Input[str]] = [self._args.key]
        if self._args.store_secret is not None:
            secrets.append(Output.secret(self._args.store_secret))
        if not self._data.issuer:
            secrets.append(self._args.secrets[f"{CERTIFICATE}.crt"])
        digest: Output[str] = Output.all(*secrets).apply(lambda texts: text_digest("".join(texts)))
        return {"kubewright.dev/settings": text_digest(settings), "kubewright.dev/secrets": digest}
