"""The rules: pure functions of resources and of the stack's settings."""
