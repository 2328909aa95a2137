"""The error that a person is meant to read."""


class ProviderError(Exception):
    """A failure of an operation; its text goes to the user as it is, without a traceback."""
