"""What tables have in common, and the table of state that all processes share (apps/core/shared_state.py)."""

from typing import ClassVar

from django.db import models

from apps.core.ids import uuid7


class PlainModel(models.Model):
    """A table for which Django makes no permissions: what people and applications may do, their roles say."""

    class Meta:
        abstract = True
        default_permissions = ()


class UuidModel(PlainModel):
    """A table whose ids are in the order of creation."""

    id = models.UUIDField(primary_key=True, default=uuid7)

    class Meta(PlainModel.Meta):
        abstract = True


class MovableClock(PlainModel):
    """By how much the clock of a test installation was moved (apps/core/movable_clock.py). No row: it has none."""

    only = models.BooleanField(primary_key=True, default=True)
    seconds = models.BigIntegerField(default=0)
    moved = models.DateTimeField()

    class Meta(PlainModel.Meta):
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(only=True), name="one_movable_clock"),
            models.CheckConstraint(
                condition=models.Q(seconds__gte=0, seconds__lte=20 * 366 * 86400), name="movable_clock_range"
            ),
        ]


class SharedState(PlainModel):
    """A value that ends. The key is a hash: what is counted may be a name or an address."""

    key = models.CharField(max_length=64, primary_key=True)
    value = models.JSONField()
    expires = models.DateTimeField(db_index=True)
