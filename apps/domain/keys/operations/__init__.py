"""Operations on keys. Every public function demands a `Grant`.

creation        create, rotate, import, bring your own (BYOK), update
rotation        rotation policies, and carrying them out
retirement      disabling an old version
key_release     secure key release
random_numbers  random bytes

Uses (sign, decrypt ...) are in `../key_use.py`: the HSM worker decides on them.
Delete, recover, purge, backup and restore: `apps/domain/objects/operations`.
"""
