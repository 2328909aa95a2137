"""The local lab: real hosts on one machine, each in its own namespaces."""
