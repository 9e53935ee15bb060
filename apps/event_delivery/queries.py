"""Reads webhooks and their deliveries, for the portal and the management API."""

from collections.abc import Sequence
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Func, IntegerField, OuterRef, QuerySet

from apps.core.errors import NotFound
from apps.event_delivery.models import Delivery, Subscription

MOST_DELIVERIES = 200  # in one list
MOST_COUNTED = 10_000  # deliveries of a webhook in one state: a busy vault has millions in a month
State = Delivery.State


class SubscriptionNotFound(NotFound):
    """The vault has no webhook of that name."""

    code = "NoSubscription"


class DeliveryNotFound(NotFound):
    """The webhook has no such delivery, or it is too old."""

    code = "NoDelivery"


def list_subscriptions(*, vault_id: UUID) -> list[Subscription]:
    """List a vault's webhooks by name, each with the numbers of deliveries that are `pending` and `dead`.

    At most `MOST_COUNTED` are counted.
    """
    return list(_with_counts(Subscription.objects.filter(vault_id=vault_id)).order_by("name"))


def get_subscription(*, vault_id: UUID, name: str) -> Subscription:
    """Return one webhook, as in the list. Raises `SubscriptionNotFound`."""
    known = [row.pk for row in Subscription.objects.filter(vault_id=vault_id) if row.name == name]
    found = _with_counts(Subscription.objects.filter(pk__in=known)).first()
    if found is None:
        raise SubscriptionNotFound(f"The vault has no webhook '{name[:64]}'.")
    return found


def list_deliveries(*, subscription: Subscription, state: str = "") -> Sequence[Delivery]:
    """List the newest deliveries, at most `MOST_DELIVERIES`; `state`: a `Delivery.State`, "" for all."""
    rows = Delivery.objects.filter(subscription=subscription)
    rows = rows.filter(state=state) if state else rows
    return list(rows.order_by("-created", "-position")[:MOST_DELIVERIES])


def _with_counts(rows: "QuerySet[Subscription]") -> "QuerySet[Subscription]":
    counts = {}
    for state in (State.PENDING, State.DEAD):
        some = Delivery.objects.filter(subscription=OuterRef("pk"), state=state).values("pk")[:MOST_COUNTED]
        counts[state.value] = Func(ArraySubquery(some), function="cardinality", output_field=IntegerField())
    return rows.annotate(**counts)
