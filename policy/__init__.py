"""What must not be deployed [O2]: rules, and the CrossGuard pack that applies them in the engine."""
