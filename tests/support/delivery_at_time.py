"""The delivery process's work on one vault at a time that is given: `delivery_at_time.py VAULT FROM_HOURS TO_HOURS HOLD_HOURS`.

Time runs from one try to the next, and each try is a real one. Prints what became of it as JSON.
"""

import json
import sys
from datetime import timedelta

import django

django.setup()

from apps.core.clock import now  # noqa: E402
from apps.log_delivery.models import DeliveryState, LogDestination  # noqa: E402
from apps.workers.log_delivery import delivery_worker, segment_delivery  # noqa: E402
from apps.workers.log_delivery.destinations import SinkError  # noqa: E402
from apps.workers.log_delivery.fail_closed import suspend_and_resume_vaults  # noqa: E402

vault, begin, end, longest = sys.argv[1], *(float(word) for word in sys.argv[2:5])
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
    suspend_and_resume_vaults(now=time, longest=timedelta(hours=longest), disk_is_full=delivery_worker.disk_is_full())
state = DeliveryState.objects.get(pk=destination.pk)
told = {"tries": tries, "longest_pause": max(pauses, default=0), "delivered": state.delivered, "state": state.state}
print(json.dumps(told))  # noqa: T201
