"""Operations on secrets. Every public function demands a `Grant`.

values   set, read, reveal, update

Delete, recover, purge, backup and restore: `apps/domain/objects/operations`.
"""
