"""The runtime of the stand-in plugins: gRPC server, property values, diffs, errors, engine log."""
