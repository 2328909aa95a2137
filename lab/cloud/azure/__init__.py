"""Emulated Azure: metadata with managed identities, and blobs, with enforced role assignments."""
