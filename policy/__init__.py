"""Rules for what must not be deployed [O2], and the CrossGuard pack that applies them in the engine."""
