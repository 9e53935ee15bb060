"""Operations that are the same for every kind of vault object. Every public function demands a `Grant`.

soft_delete   delete, recover, purge, purge what is due
backup        back up, restore, check a restore
"""
