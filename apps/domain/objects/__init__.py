"""What keys, secrets and certificates share."""
