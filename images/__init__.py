"""Images that have a cluster's binaries already (Packer templates), and the program that fills them."""
