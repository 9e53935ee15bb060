"""Webhooks and deliveries, for people."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Count, Q

from apps.core.errors import NotFound
from apps.event_delivery.models import Delivery, Subscription

MOST_DELIVERIES = 200  # in one list
State = Delivery.State


class SubscriptionNotFound(NotFound):
    """The vault has no webhook of that name."""

    code = "NoSubscription"


class DeliveryNotFound(NotFound):
    """The webhook has no such delivery, or it is too old."""

    code = "NoDelivery"


def list_subscriptions(*, vault_id: UUID) -> list[Subscription]:
    """List a vault's webhooks by name, each with the numbers of deliveries that are `pending` and `dead`."""
    counts = {
        state.value: Count("deliveries", filter=Q(deliveries__state=state)) for state in (State.PENDING, State.DEAD)
    }
    return list(Subscription.objects.filter(vault_id=vault_id).annotate(**counts).order_by("name"))


def get_subscription(*, vault_id: UUID, name: str) -> Subscription:
    """Return one webhook, as in the list. Raises `SubscriptionNotFound`."""
    found = [row for row in list_subscriptions(vault_id=vault_id) if row.name == name]
    if not found:
        raise SubscriptionNotFound(f"The vault has no webhook '{name[:64]}'.")
    return found[0]


def list_deliveries(*, subscription: Subscription, state: str = "") -> Sequence[Delivery]:
    """List the newest deliveries, all or those in one state."""
    rows = Delivery.objects.filter(subscription=subscription)
    rows = rows.filter(state=state) if state else rows
    return list(rows.order_by("-created", "-position")[:MOST_DELIVERIES])
