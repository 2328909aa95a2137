"""Everything that the settings of one stack determine: topology, files, artifacts and bundles."""
