"""Access control: permissions, roles, object-level assignments (django-guardian) and the `Grant`."""
