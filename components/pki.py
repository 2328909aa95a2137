"""Certificates and keys of the cluster, created by pulumi-tls from the table in `topology.certificates`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import pulumi_tls as tls
from pulumi import ComponentResource, Output, ResourceOptions

from components.certificate_authority import HOURS_PER_YEAR, self_signed_authority
from components.derived_secrets import bootstrap_token, encryption_key, payload_salt, registry_secret
from components.encryption_configuration import encryption_configuration
from components.kubeconfig import kubeconfig
from topology.certificates import (
    AUTHORITIES,
    KUBERNETES_CA,
    SERVICE_ACCOUNT,
    Authority,
    Leaf,
    authorities,
    generation_name,
    leaves,
    rsa_key_names,
    signing_name,
    trust_bundle,
    trusted_names,
)
from topology.distribution import REGISTRY_SECRET
from topology.encryption import ENCRYPTION, key_name, resource_encryptions
from topology.environments import PRODUCTION
from topology.identities import PAYLOAD_SALT, token_owners
from topology.model import Topology

_RSA_BITS = 2048


@dataclass(frozen=True, kw_only=True)
class PkiArgs:
    """Arguments of `Pki`: the topology that names the certificates."""

    topology: Topology


@dataclass(frozen=True, slots=True)
class _KeyPair:
    """A private key and its certificate in PEM."""

    key: Output[str]
    certificate: Output[str]


class Pki(ComponentResource):
    """CAs, leaf certificates, service account keys, the bootstrap tokens and the encryption keys.

    In production, `protect` prevents the deletion of the authorities and of the encryption key that writes.
    Without them, clients reject the cluster, and Secrets in etcd and in snapshots are unreadable.
    """

    secrets: Mapping[str, Output[str]]
    """Secret files by the names in bundles; all values are secrets."""
    ca: Output[str]
    """The trusted certificates of the cluster in PEM (two CAs during a rotation). They are public."""
    service_account_keys: Output[str]
    """The keys that verify service account tokens in PEM (two keys during a rotation). They are public."""
    kubeconfig: Output[str]
    """The kubeconfig of the administrator; a secret."""

    def __init__(self, name: str, args: PkiArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:Pki", name, None, opts)
        self._name = name
        self._topology = args.topology
        self._protected = _protected_names(args.topology)
        generations = {
            authority.name: self._create_authority(authority) for authority in authorities(args.topology)
        }
        signers = {name: generations[signing_name(args.topology, name)] for name in AUTHORITIES.values()}
        key_pairs = signers | {
            leaf.name: self._create_leaf(leaf, signers[leaf.authority]) for leaf in leaves(args.topology)
        }
        bundles = {
            trust_bundle(name): _join_pems(
                generations[generation].certificate for generation in trusted_names(args.topology, name)
            )
            for name in AUTHORITIES.values()
        }
        secrets = {f"{name}.crt": key_pair.certificate for name, key_pair in key_pairs.items()}
        secrets |= {f"{name}.crt": certificates for name, certificates in bundles.items()}
        secrets |= {f"{name}.key": key_pair.key for name, key_pair in key_pairs.items()}
        secrets |= self._create_service_account_keys()
        bootstrap_key = self._create_key("bootstrap").private_key_pem
        secrets |= {
            **self._derive_tokens(bootstrap_key),
            PAYLOAD_SALT: bootstrap_key.apply(payload_salt),
            "encryption.yaml": self._create_encryption_configuration(),
        }
        if args.topology.distribution:
            secrets[REGISTRY_SECRET] = bootstrap_key.apply(registry_secret)
        self.secrets = {name: Output.secret(content) for name, content in secrets.items()}
        self.service_account_keys = Output.unsecret(secrets[f"{SERVICE_ACCOUNT}.pub"])
        # Certificates are public, but the plugin marks every output with a secret input as a secret.
        self.ca = Output.unsecret(bundles[trust_bundle(KUBERNETES_CA)])
        self.kubeconfig = self._create_kubeconfig(args.topology, key_pairs["admin"])
        self.register_outputs({"ca": self.ca, "kubeconfig": self.kubeconfig})

    def _create_key(
        self, name: str, *, leaf: bool = False, rsa: bool = False, keep_kind: bool = False
    ) -> tls.PrivateKey:
        return tls.PrivateKey(
            f"{self._name}-{name}-key",
            algorithm="RSA" if rsa else "ECDSA",
            ecdsa_curve=None if rsa else "P256",
            rsa_bits=_RSA_BITS if rsa else None,
            opts=ResourceOptions(
                parent=self,
                # A new key also replaces the certificate request and the certificate.
                replacement_trigger=self._topology.certificates.leaves if leaf else None,
                protect=name in self._protected,
                ignore_changes=["algorithm", "ecdsaCurve", "rsaBits"] if keep_kind else None,
            ),
        )

    def _derive_tokens(self, key: Output[str]) -> dict[str, Output[str]]:
        """Return the bootstrap tokens of all hosts, by the names of their secrets."""
        generation = self._topology.certificates.leaves
        return {
            owner.secret: key.apply(partial(bootstrap_token, owner=owner.secret, generation=generation))
            for owner in token_owners(self._topology)
        }

    def _create_service_account_keys(self) -> dict[str, Output[str]]:
        """Create service account keys. Return the key that signs tokens, and all keys that verify tokens.

        An existing key keeps its type, because a replaced key makes all tokens invalid at once.
        """
        rsa_keys = rsa_key_names(self._topology)
        keys = {
            name: self._create_key(name, rsa=name in rsa_keys, keep_kind=True)
            for name in trusted_names(self._topology, SERVICE_ACCOUNT)
        }
        return {
            f"{SERVICE_ACCOUNT}.key": keys[signing_name(self._topology, SERVICE_ACCOUNT)].private_key_pem,
            f"{SERVICE_ACCOUNT}.pub": _join_pems(key.public_key_pem for key in keys.values()),
        }

    def _create_encryption_configuration(self) -> Output[str]:
        """Create the private keys from which the encryption keys are derived. Return `encryption.yaml`."""
        certificates, encryption = self._topology.certificates, self._topology.encryption
        keys = {
            key_name(number): self._create_key(generation_name(ENCRYPTION, number)).private_key_pem
            for number in certificates.rotation(ENCRYPTION).trusted
        }
        resources = resource_encryptions(encryption, certificates)
        content: Output[str] = Output.all(**keys).apply(
            lambda pems: encryption_configuration(
                resources, {name: encryption_key(pem) for name, pem in pems.items()}, encryption.kms
            )
        )
        return content

    def _create_authority(self, authority: Authority) -> _KeyPair:
        key = self._create_key(authority.name).private_key_pem
        certificate = self_signed_authority(
            f"{self._name}-{authority.name}",
            key=key,
            common_name=authority.common_name,
            years=authority.years,
            opts=ResourceOptions(parent=self, protect=authority.name in self._protected),
        )
        return _KeyPair(key, certificate)

    def _create_leaf(self, leaf: Leaf, authority: _KeyPair) -> _KeyPair:
        key = self._create_key(leaf.name, leaf=True).private_key_pem
        request = tls.CertRequest(
            f"{self._name}-{leaf.name}-request",
            private_key_pem=key,
            subject=tls.CertRequestSubjectArgs(
                common_name=leaf.common_name,
                # The plugin allows one organization, and no leaf has more than one.
                organization=leaf.organizations[0] if leaf.organizations else None,
            ),
            dns_names=list(leaf.dns_names),
            ip_addresses=[str(address) for address in leaf.ip_addresses],
            opts=ResourceOptions(parent=self),
        )
        uses = {"digital_signature": True, "server_auth": leaf.server, "client_auth": leaf.client}
        certificate = tls.LocallySignedCert(
            f"{self._name}-{leaf.name}",
            ca_private_key_pem=authority.key,
            ca_cert_pem=authority.certificate,
            cert_request_pem=request.cert_request_pem,
            set_subject_key_id=True,
            validity_period_hours=leaf.years * HOURS_PER_YEAR,
            allowed_uses=[use for use, enabled in uses.items() if enabled],
            opts=ResourceOptions(parent=self),
        )
        return _KeyPair(key, certificate.cert_pem)

    def _create_kubeconfig(self, topology: Topology, admin: _KeyPair) -> Output[str]:
        return Output.secret(
            Output.all(self.ca, admin.certificate, admin.key).apply(
                lambda pems: kubeconfig(
                    cluster=topology.name,
                    server=topology.endpoint.url,
                    ca=pems[0],
                    certificate=pems[1],
                    key=pems[2],
                )
            )
        )


def _protected_names(topology: Topology) -> Collection[str]:
    """Return the names of authorities and keys that the engine must not delete or replace.

    In production these are the signing generation of each authority and of the service account keys, and the
    encryption key that writes. The other generation is not protected, so that the last stage of a rotation
    can delete it.
    """
    if topology.environment != PRODUCTION:
        return ()
    names = (*AUTHORITIES.values(), SERVICE_ACCOUNT, ENCRYPTION)
    return {signing_name(topology, name) for name in names}


def _join_pems(pems: Iterable[Output[str]]) -> Output[str]:
    """Return the concatenation of PEM texts."""
    joined: Output[str] = Output.all(*pems).apply("".join)
    return joined
