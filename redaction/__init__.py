"""Redaction: keep secrets out of output, events, reports and comments."""
