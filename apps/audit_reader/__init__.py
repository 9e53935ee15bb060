"""Reading and verifying the audit log: for auditors and delivery; no other process has the database role for it."""
