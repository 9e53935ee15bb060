"""Operations on keys. Every public function demands a `Grant`.

creation      create, rotate, import, bring your own (BYOK), update
key_use       sign, verify, encrypt, decrypt, wrap, unwrap, random bytes
rotation      rotation policies, and carrying them out
key_release   secure key release

Delete, recover, purge, backup and restore: `apps/domain/objects/operations`.
"""
