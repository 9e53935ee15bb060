"""Web interfaces: they translate requests and responses, and make one domain call each."""
