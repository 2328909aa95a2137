"""Policy rules that reject unsafe deployments [O2], and the CrossGuard policy pack that applies them."""
