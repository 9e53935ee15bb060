"""Writing keys. Every public function demands a `Grant`.

making      create, rotate, import, bring your own (BYOK), update
using       sign, verify, encrypt, decrypt, wrap, unwrap, random bytes
recycling   delete, recover, purge
restoring   back up, restore
rotating    rotation policies, and carrying them out
releasing   secure key release
"""
