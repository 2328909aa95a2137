"""The policy rules: pure functions that check resources and settings."""
