"""Tests that secret names are recognized in every naming style."""

from __future__ import annotations

import pytest

from redaction.secret_names import is_secret_name


@pytest.mark.parametrize(
    "name",
    [
        *("password", "adminPassword", "PASSWORD", "DB_PASSWORD", "db-password", "db.password", "dbpassword"),
        *(
            "passwd",
            "pwd",
            "passphrase",
            "password2",
            "token",
            "apiToken",
            "api_token",
            "bearertoken",
            "secret",
        ),
        *("api-key", "apiKey", "APIKey", "apikey", "private_key", "privateKey", "privatekey", "secret_key"),
        *(
            "client_secret",
            "clientSecret",
            "clientsecret",
            "connectionString",
            "connectionstring",
            "access_key",
        ),
        *(
            "accountKey",
            "sharedkey",
            "credentials",
            "AWS_SECRET_ACCESS_KEY",
            "ARM_CLIENT_SECRET",
            "HTTPPassword",
            "connection_string",
            "privateKeys",
            "ssh_private_keys",
        ),
    ],
)
def test_secret_names_are_recognized_in_every_style(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            "passwordPolicy",
            "secretName",
            "tokenFile",
            "httpTokens",
            "connection",
            "string",
            "publicKeys",
            "privateKeysFile",
            "publicKey",
            "kmsKeyId",
            "key",
            "keys",
        ),
        *(
            "existingSecret",
            "clientToken",
            "creationToken",
            "private_key_file",
            "PULUMI_CONFIG_PASSPHRASE_FILE",
        ),
        *("author", "monkey", "keyboard", "secretKeyRef", "token_ttl", "forwards", "1", "imagePullSecrets"),
    ],
)
def test_names_that_only_mention_a_secret_are_not_secret(name: str) -> None:
    assert not is_secret_name(name)
