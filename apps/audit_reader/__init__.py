"""Reading and checking the usage log: for auditors and for delivery, nobody else has the database role for it."""
