"""What a resource's URN says."""


def resource_type(urn: str) -> str:
    """The resource's own type: `urn:pulumi:<stack>::<project>::<parent types>$<type>::<name>`.

    The SDK's requests give the types of the components around it as well, joined by `$`.
    """
    return urn.split("::")[2].rsplit("$", maxsplit=1)[-1]
