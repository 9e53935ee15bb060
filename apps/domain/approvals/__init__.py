"""Approvals: on production vaults some operations need a second person."""
