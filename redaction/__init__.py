"""Redaction: replace secrets by `MASK` in everything that a run prints, stores or sends.

Threat model
------------
Redaction protects the secrets of a stack: encrypted settings, passwords in stack files, SSH keys, private
keys and tokens of the cluster, credentials of the deployer.

Redaction protects them from people and programs that may see output but not secrets: readers of CI logs, pull
request comments, issues, event logs, reports and saved plans, and recipients of copies. Redaction does not
protect against people with access to the deployer, to the passphrase or to the state: they can read the
secrets directly. Redaction covers accidental output of secrets. It does not stop a program that hides a
secret on purpose.

The Pulumi engine masks values that it knows to be secret. It cannot know that a plugin repeats a password in
an error message, that a shell prints an encoded key, or that a resource is named after a token. Each stage
below covers what the stages before it cannot find:

1. `secret_names`: names such as `adminPassword` mark values as secret before anything else looks at them.
   Finds secrets of any content in structured data. Cannot find a secret inside a text.
2. `search_terms`: known secrets, their lines and their named parts, and their base64 and hexadecimal
   encodings, which leave no character as it was. Finds a known secret inside any text.
3. `unescape`: the text is read again without escapes (JSON, URL, shell, YAML, HTML), several levels deep.
   Finds a known secret that was escaped in a style, or in nested styles, that `search_terms` lacks.
4. `secret_patterns`: the syntax of private keys, tokens and credentials. Finds unknown
   secrets, such as a key that a host generated.
5. `LineRedactor`: masks the rest of an unknown private key that arrives line by line. Only the first line
   has a recognizable syntax.

docs/redaction.md lists the known limits of redaction and the code that calls this package.
"""

from __future__ import annotations

MASK = "[secret]"
"""The text that replaces a secret. The Pulumi engine uses the same text."""
