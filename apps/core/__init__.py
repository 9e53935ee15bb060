"""Foundations that know no other app: errors, principals, ids, clock, encodings, short-lived caches."""
