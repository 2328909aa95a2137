"""What the stand-in plugins share: the gRPC server, property values, differences, the engine's log."""
