"""The token authority on `login.<suffix>`: OpenID discovery, keys and the token endpoint."""
