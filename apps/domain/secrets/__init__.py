"""Secrets: values up to 25 KB, sealed by the vault's key inside the HSM."""
