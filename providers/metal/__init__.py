"""Bare metal: hosts of an inventory, reached over SSH by pulumi-command [M]."""
