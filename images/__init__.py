"""Machine images that already contain the binaries of a cluster (Packer templates), and the program that
fills them.
"""
