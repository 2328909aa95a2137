"""Where a cluster's machines come from, and how bundles reach them."""
