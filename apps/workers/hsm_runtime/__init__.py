"""What every process with a token needs: the PKCS#11 thread, its lane, opening the token."""
