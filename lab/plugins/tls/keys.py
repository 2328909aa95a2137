"""Private keys: generation, reading, and output formats."""

import base64
import hashlib
from typing import Any

from cryptography.hazmat.primitives import serialization as form
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
    """Return a new key; `curve` applies to ECDSA, `bits` to RSA."""
    if algorithm == "RSA":
        return rsa.generate_private_key(public_exponent=65537, key_size=bits)
    if algorithm == "ECDSA":
        return ec.generate_private_key(_CURVES[curve])
    return ed25519.Ed25519PrivateKey.generate()


def load(pem: str, name: str) -> Key:
    """Read a private key in PEM (PKCS #1, SEC 1, PKCS #8) or OpenSSH form.

    Raises PluginError with the input's `name` but without its content.
    """
    try:
        if "OPENSSH PRIVATE KEY" in pem:
            key: Any = form.load_ssh_private_key(pem.encode(), None)
        else:
            key = form.load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError):
        raise PluginError(f"{name}: not a private key in PEM form without a passphrase") from None
    if not isinstance(key, Key):
        raise PluginError(f"{name}: only RSA, ECDSA and ED25519 keys can be used")
    return key


def algorithm(key: Key | PublicKey) -> str:
    """Return the plugin's name of the key's algorithm."""
    if isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey):
        return "RSA"
    if isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey):
        return "ECDSA"
    return "ED25519"


def private_forms(key: Key) -> dict[str, str]:
    """Return the secret outputs of a private key."""
    own = form.PrivateFormat.PKCS8 if algorithm(key) == "ED25519" else form.PrivateFormat.TraditionalOpenSSL
    return {
        "privateKeyPem": _private_pem(key, own),
        "privateKeyPemPkcs8": _private_pem(key, form.PrivateFormat.PKCS8),
        "privateKeyOpenssh": _private_pem(key, form.PrivateFormat.OpenSSH) if _openssh_supports(key) else "",
    }


def public_forms(key: Key) -> dict[str, str]:
    """Return the public outputs; the OpenSSH formats are empty for curve P224, which OpenSSH lacks."""
    public = key.public_key()
    outputs = {
        "publicKeyPem": public.public_bytes(
            form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo
        ).decode(),
        "publicKeyOpenssh": "",
        "publicKeyFingerprintMd5": "",
        "publicKeyFingerprintSha256": "",
    }
    if _openssh_supports(key):
        line = public.public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH).decode()
        blob = base64.b64decode(line.split()[1])
        outputs["publicKeyOpenssh"] = line + "\n"
        # The old OpenSSH fingerprint, for display only: nothing relies on the strength of MD5.
        outputs["publicKeyFingerprintMd5"] = hashlib.md5(blob, usedforsecurity=False).digest().hex(":")
        sha256 = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
        outputs["publicKeyFingerprintSha256"] = f"SHA256:{sha256}"
    return outputs


def identity(key: Key) -> str:
    """Return the resource's id: SHA-1 of the public key's DER form, in hexadecimal."""
    der = key.public_key().public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha1(der, usedforsecurity=False).hexdigest()


def _private_pem(key: Key, shape: form.PrivateFormat) -> str:
    return key.private_bytes(form.Encoding.PEM, shape, form.NoEncryption()).decode()


def _openssh_supports(key: Key) -> bool:
    return not (isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP224R1))
