"""The trail: one record for every use and every management act, append-only, read by auditors alone."""
