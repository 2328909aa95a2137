"""Redaction: replace secrets by `MASK` in everything that a run prints, stores or sends.

Threat model
------------
Protected are the secrets of a stack: encrypted settings, passwords in stack files, SSH keys, private keys and
tokens of the cluster, credentials of the deployer.

The readers to protect them from are people and programs that may see output but not secrets: readers of CI
logs, pull request comments, issues, event logs, reports and saved plans, and recipients of copies. Not
protected against are people with access to the deployer, to the passphrase or to the state: they can read
the secrets themselves. Redaction repairs accidents. It does not stop a program that hides a secret on
purpose.

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

Known limits are listed in docs/redaction.md, together with the callers.
"""

from __future__ import annotations

MASK = "[secret]"
"""The text that replaces a secret. The Pulumi engine uses the same text."""
