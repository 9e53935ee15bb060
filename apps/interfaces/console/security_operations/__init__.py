"""The portal of security operations."""
