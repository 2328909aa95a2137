"""Private keys of the tls plugin: generation, reading, and output formats."""

import base64
import hashlib
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from lab.plugins.runtime.errors import PluginError

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

_CURVES: dict[str, ec.EllipticCurve] = {
    "P224": ec.SECP224R1(),
    "P256": ec.SECP256R1(),
    "P384": ec.SECP384R1(),
    "P521": ec.SECP521R1(),
}


def generate(algorithm: str, *, curve: str, bits: int) -> Key:
    """Generate a private key. `algorithm` is RSA, ECDSA or ED25519; `curve` applies to ECDSA, `bits` to
    RSA.
    """
    if algorithm == "RSA":
        return rsa.generate_private_key(public_exponent=65537, key_size=bits)
    if algorithm == "ECDSA":
        return ec.generate_private_key(_CURVES[curve])
    return ed25519.Ed25519PrivateKey.generate()


def load(pem: str, name: str) -> Key:
    """Read a private key in PEM (PKCS #1, SEC 1, PKCS #8) or OpenSSH format.

    `name` is the input that contains the key. Raise PluginError with this name, but without the key.
    """
    try:
        if "OPENSSH PRIVATE KEY" in pem:
            key: Any = serialization.load_ssh_private_key(pem.encode(), None)
        else:
            key = serialization.load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError):
        raise PluginError(f"{name}: not a private key in PEM form without a passphrase") from None
    if not isinstance(key, Key):
        raise PluginError(f"{name}: only RSA, ECDSA and ED25519 keys can be used")
    return key


def algorithm_name(key: Key | PublicKey) -> str:
    """Return the name of a key's algorithm as the plugin writes it: RSA, ECDSA or ED25519."""
    if isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey):
        return "RSA"
    if isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey):
        return "ECDSA"
    return "ED25519"


def private_key_outputs(key: Key) -> dict[str, str]:
    """Return the outputs of a PrivateKey resource that contain the private key, in each format."""
    private_format = (
        serialization.PrivateFormat.PKCS8
        if algorithm_name(key) == "ED25519"
        else serialization.PrivateFormat.TraditionalOpenSSL
    )
    return {
        "privateKeyPem": _private_pem(key, private_format),
        "privateKeyPemPkcs8": _private_pem(key, serialization.PrivateFormat.PKCS8),
        "privateKeyOpenssh": _private_pem(key, serialization.PrivateFormat.OpenSSH)
        if _openssh_supports(key)
        else "",
    }


def public_key_outputs(key: Key) -> dict[str, str]:
    """Return the outputs of a PrivateKey resource with the public key. For curve P224, which OpenSSH does not
    support, the OpenSSH outputs are empty.
    """
    public = key.public_key()
    outputs = {
        "publicKeyPem": public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode(),
        "publicKeyOpenssh": "",
        "publicKeyFingerprintMd5": "",
        "publicKeyFingerprintSha256": "",
    }
    if _openssh_supports(key):
        line = public.public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        ).decode()
        key_bytes = base64.b64decode(line.split()[1])
        outputs["publicKeyOpenssh"] = line + "\n"
        # The old OpenSSH fingerprint, for display only: nothing relies on the strength of MD5.
        outputs["publicKeyFingerprintMd5"] = hashlib.md5(key_bytes, usedforsecurity=False).digest().hex(":")
        sha256 = base64.b64encode(hashlib.sha256(key_bytes).digest()).decode().rstrip("=")
        outputs["publicKeyFingerprintSha256"] = f"SHA256:{sha256}"
    return outputs


def key_id(key: Key) -> str:
    """Return the id of a PrivateKey resource: the SHA-1 digest, in hexadecimal, of the public key in DER
    format.
    """
    der = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha1(der, usedforsecurity=False).hexdigest()


def _private_pem(key: Key, private_format: serialization.PrivateFormat) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, private_format, serialization.NoEncryption()
    ).decode()


def _openssh_supports(key: Key) -> bool:
    return not (isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP224R1))
