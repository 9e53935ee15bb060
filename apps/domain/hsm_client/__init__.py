"""Work that crosses to a worker: jobs (tracked, through the broker) and lane messages (answered at once)."""
