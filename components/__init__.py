"""The cluster as Pulumi components; nothing here knows the name of a cloud."""
