"""The cluster's public key infrastructure as one table a person can read. Pure data.

`components/pki.py` makes it with pulumi-tls; `nodeconfig` refers to the results by name:
`<name>.crt` and `<name>.key`, for authorities and leaves alike.
"""
