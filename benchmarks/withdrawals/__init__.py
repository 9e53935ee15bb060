"""The kinds of withdrawal: what is given, how the product takes it away, and the same by SQL alone.

By SQL the process that serves security operations does not know of the change before the others do.
"""

from benchmarks.withdrawals.access import ApplicationDisabled, GroupMember, GroupRole, KeyRole, SecretRole, VaultRole
from benchmarks.withdrawals.credentials import CertificateRemoved, SecretRemoved, TrustRemoved
from benchmarks.withdrawals.kind import Withdrawal
from benchmarks.withdrawals.objects import KeyDeleted, KeyVersionDisabled, SecretDeleted, SecretVersionDisabled
from benchmarks.withdrawals.people import AuditorSuspended, DeveloperRole, PersonSuspended, SessionEnded, TokenEnded
from benchmarks.withdrawals.vaults import SigningKeyRetired, VaultFrozen, VaultSuspended

KINDS: tuple[type[Withdrawal], ...] = (
    *(VaultRole, KeyRole, SecretRole, GroupMember, GroupRole, ApplicationDisabled),
    *(SecretRemoved, CertificateRemoved, TrustRemoved),
    *(KeyVersionDisabled, KeyDeleted, SecretVersionDisabled, SecretDeleted, VaultFrozen, VaultSuspended),
    *(PersonSuspended, DeveloperRole, AuditorSuspended, TokenEnded, SessionEnded),
    SigningKeyRetired,  # the last: the tokens of the others end with its key
)
