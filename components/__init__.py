"""The cluster as Pulumi components, which do not depend on a cloud."""
