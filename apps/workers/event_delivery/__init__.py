"""The event worker: sends events to the webhooks of vaults."""
