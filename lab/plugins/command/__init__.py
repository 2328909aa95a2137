"""Stand-in for the official plugin `command` 1.2.1: local commands, commands and copies over SSH."""
