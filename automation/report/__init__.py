"""What a change of a stack will do, where, and how risky it is, in a form that people review."""
