"""Log delivery: it copies audit logs to the storage of their owners, and deletes expired records."""
