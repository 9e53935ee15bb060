"""The table of state that all processes share (apps/core/shared_state.py)."""

from django.db import models


class SharedState(models.Model):
    """A value that ends. The key is a hash: what is counted may be a name or an address."""

    key = models.CharField(max_length=64, primary_key=True)
    value = models.JSONField()
    expires = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()
