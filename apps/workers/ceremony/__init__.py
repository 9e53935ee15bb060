"""The ceremony: it creates a security world in a token."""
