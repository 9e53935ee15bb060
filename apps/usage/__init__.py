"""Usage counts (caller, object, operation, last time) for people who may not read the audit log."""
