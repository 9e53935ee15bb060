"""The delivery process's work on one vault at a time that is given: time runs from one try to the next, each a real one."""

from datetime import timedelta

from apps.core.clock import now
from apps.log_delivery.models import DeliveryState, LogDestination
from apps.workers.log_delivery import delivery_worker, segment_delivery
from apps.workers.log_delivery.destinations import SinkError
from apps.workers.log_delivery.fail_closed import suspend_and_resume_vaults


def pass_time(vault, begin, end, hold):
    """From `begin` to `end`, in hours from now; what became of the delivery. A vault may be undelivered for `hold` hours."""
    destination = LogDestination.objects.select_related("vault__world").get(vault__name=vault)
    way = delivery_worker.connect(destination, delivery_worker.DeliveryConfig.of_settings())
    present = now()
    time, until = present + timedelta(hours=begin), present + timedelta(hours=end)
    tries, pauses = 0, []
    while time < until:
        state = DeliveryState.objects.get(pk=destination.pk)
        if state.next_try is not None and state.next_try > time:
            pauses.append((state.next_try - time).total_seconds())
            time = state.next_try
            continue
        tries += 1
        try:
            if not segment_delivery.deliver_next(way, clock=lambda moment=time: moment):
                break
        except SinkError as fault:
            segment_delivery.note_failure(destination, str(fault), now=time)
        suspend_and_resume_vaults(now=time, longest=timedelta(hours=hold), disk_is_full=delivery_worker.disk_is_full())
    state = DeliveryState.objects.get(pk=destination.pk)
    return {
        "tries": tries, "longest_pause": max(pauses, default=0), "delivered": state.delivered, "state": state.state
    }  # fmt: skip
