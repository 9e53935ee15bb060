"""Writing certificates. Every public function demands a `Grant`.

making      create, import, merge, cancel, forget the operation
describing  attributes, tags, policy
recycling   delete, recover, purge
restoring   back up, restore
settings    contacts and issuers
renewing    lifetime actions, on the scheduler's tick
"""
