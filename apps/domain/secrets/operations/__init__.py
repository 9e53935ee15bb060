"""Writing secrets, and reading their values. Every public function demands a `Grant`.

setting     set, read, describe
recycling   delete, recover, purge
restoring   back up, restore
"""
