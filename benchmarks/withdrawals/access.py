"""Access of an application to a vault: roles, groups, the application itself."""

from benchmarks.callers import (
    Installation,
    Json,
    new_name,
)
from benchmarks.polling import Question
from benchmarks.withdrawals.kind import ADMINISTRATOR, Row, Withdrawal


class _RoleAssignment(Withdrawal):
    """A role of an application at a vault or at an object in it."""

    role, level = ADMINISTRATOR, ""

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        self.held, self.application = site.shared, site.application()
        self.token = site.access_token(self.application.client_id, self.application.secret)
        self._path = f"vaults/{self.held.vault}/role-assignments"
        self._assignment: Json = {"application": self.application.name, "role": self.role}
        if self.level:
            self._assignment[self.level] = getattr(self.held, self.level)
        self.row = Row("guardian_userobjectpermission", "user_id = %s", [self.application.principal_id])

    def give(self) -> None:
        self.site.manage("POST", self._path, self._assignment)

    def withdraw(self) -> None:
        self.site.manage("DELETE", self._path, self._assignment)

    def questions(self) -> list[Question]:
        return self.site.of_application(self.token, self.held)


class VaultRole(_RoleAssignment):
    name = "role at a vault removed"


class KeyRole(_RoleAssignment):
    name, role, level = "role at a key removed", "key-vault-crypto-user", "key"

    def questions(self) -> list[Question]:
        return [
            *self.site.key_use(self.token, self.held),
            *self.site.metadata(self.token, self.held, lists=False),
        ]


class SecretRole(_RoleAssignment):
    name, role, level = "role at a secret removed", "key-vault-secrets-user", "secret"

    def questions(self) -> list[Question]:
        return self.site.secret_get(self.token, self.held)


class _Group(Withdrawal):
    """A role that an application has through a group."""

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        self.held, self.application, self.group = site.shared, site.application(), new_name("group")
        self.token = site.access_token(self.application.client_id, self.application.secret)
        self.member = f"groups/{self.group}/members/{self.application.name}"
        self.roles = f"vaults/{self.held.vault}/role-assignments"
        self.assignment = {"group": self.group, "role": ADMINISTRATOR}
        site.manage("POST", "groups", {"name": self.group})
        self.group_id = site.select("SELECT id FROM auth_group WHERE name = %s", self.group)

    def give(self) -> None:
        self.site.manage("PUT", self.member)
        self.site.manage("POST", self.roles, self.assignment)

    def questions(self) -> list[Question]:
        return self.site.of_application(self.token, self.held)


class GroupMember(_Group):
    name = "member removed from a group"

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        self.row = Row("identity_user_groups", "group_id = %s", [self.group_id])

    def withdraw(self) -> None:
        self.site.manage("DELETE", self.member)


class GroupRole(_Group):
    name = "role of a group removed"

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        self.row = Row("guardian_groupobjectpermission", "group_id = %s", [self.group_id])

    def withdraw(self) -> None:
        self.site.manage("DELETE", self.roles, self.assignment)


class ApplicationDisabled(VaultRole):
    name = "application disabled"

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        super().give()
        self.row = Row("identity_user", "id = %s", [self.application.principal_id], "is_active = false", "is_active")

    def give(self) -> None:
        self._switch(enabled=True)

    def withdraw(self) -> None:
        self._switch(enabled=False)

    def questions(self) -> list[Question]:
        credential = {"client_secret": self.application.secret}
        return [*super().questions(), *self.site.tokens(self.application, lambda: credential)]

    def _switch(self, *, enabled: bool) -> None:
        self.site.manage("POST", f"applications/{self.application.name}/switch", {"enabled": enabled})
