"""The charts of a stack and the images of their objects, for the mirror."""
