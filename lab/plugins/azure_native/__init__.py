"""Stand-in for the Pulumi plugin azure-native: resources of a lab stack exist in the lab's emulated Azure."""
