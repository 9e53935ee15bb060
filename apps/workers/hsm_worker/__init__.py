"""The HSM worker: uses and creates keys of one security world."""
