"""The local lab: containers with a complete Debian that serve as hosts on one machine.

Each host has its own namespaces.
"""
