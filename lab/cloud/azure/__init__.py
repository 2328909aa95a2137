"""Emulated Azure: metadata with managed identities, and blobs, with rights that mean something."""
