"""Shared by every process with a token: the PKCS#11 thread, its lane, opening the token."""
