"""The local lab: hosts with a complete Debian on one machine, each in separate namespaces."""
