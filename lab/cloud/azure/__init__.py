"""Emulated Azure: metadata with managed identities, blobs and vault, with rights that mean something."""
