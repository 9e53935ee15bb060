"""Certificates: a policy, versions that share name and version with their key and secret, issuers and contacts."""
