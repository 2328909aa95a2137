"""Parts of a resource's URN: `urn:pulumi:<stack>::<project>::<parent types>$<type>::<name>`."""


def resource_type(urn: str) -> str:
    """Return the type token of the resource in a URN, without the types of its parents."""
    return urn.split("::")[2].rpartition("$")[2]


def resource_name(urn: str) -> str:
    """Return the name, in the Pulumi program, of the resource in a URN."""
    return urn.split("::", 3)[3]
