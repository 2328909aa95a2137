"""Stand-in plugins for labs and offline previews, and the installation of plugins of both kinds."""
