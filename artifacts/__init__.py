"""Where binaries and images come from: catalogue, acquisition, mirror, index."""
