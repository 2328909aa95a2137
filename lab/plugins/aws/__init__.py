"""The stand-in for the plugin `aws`, which creates the resources of a lab stack in the lab's emulated AWS."""
