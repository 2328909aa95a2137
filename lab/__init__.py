"""The local stack: real hosts on one machine, in namespaces of their own."""
