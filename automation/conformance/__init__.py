"""The `conformance` command: runs upstream's end-to-end tests against the cluster of a stack."""
