"""Sources of binaries and images: catalogue, acquisition, mirror, index."""
