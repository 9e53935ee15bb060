"""The audit worker: it sequences, signs and opens the audit log with the audit token."""
