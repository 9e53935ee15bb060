"""Operations on certificates. Every public function demands a `Grant`.

creation     create, import, merge, cancel, delete the operation
properties   attributes, tags, policy
renewal      lifetime actions, run by the scheduler
settings     contacts and issuers

Delete, recover, purge, backup and restore: `apps/domain/objects/operations`.
"""
