"""Bare metal: hosts of an inventory, reached through SSH by pulumi-command [M]."""
