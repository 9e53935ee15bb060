"""Who may do what: permissions, roles, object-level assignments (django-guardian) and the `Grant`."""
