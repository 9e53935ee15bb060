"""The log verifier: it verifies all logs again and again, with little processor time."""
