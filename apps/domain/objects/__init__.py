"""The mechanisms that keys, secrets and certificates share."""
