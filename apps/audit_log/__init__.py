"""The audit log: one record for every use and every management operation, append-only, read by auditors only."""
