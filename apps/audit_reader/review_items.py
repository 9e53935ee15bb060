"""The items of the review queue, which the rules find."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

MOST = 100  # items of one rule; one more is selected, to detect that there are more


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """An item to review. `since` to `until`, `operation`, `status`: the search that shows its evidence."""

    key: str
    rule: str  # of `review_rules.RULES`
    log_id: UUID
    at: datetime
    count: int
    caller: str
    of_application: bool  # the caller is an application
    object: str
    operation: str
    since: datetime
    until: datetime
    status: str = ""
