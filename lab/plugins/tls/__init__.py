"""Stand-in for the official plugin `tls` 5.6.2: private keys, requests and certificates."""
