"""What would be, in words."""

from __future__ import annotations

from liftlab.reporting.text.base import Text
from liftlab.summary.budget import WhatIf

NOTE = "Answers are taken to be as right as they were; what is assumed has no interval."


def title(found: WhatIf) -> Text:
    """Return the median now and then."""
    now, then = found.now.p50, found.then.p50
    if then.value is None:
        return Text("No request was answered, so there are no times")
    return Text(f"The median request would take {then.point} instead of {now.point}")


def cost(found: WhatIf) -> Text:
    """Say what a request would cost; empty where no price is known."""
    now, then = found.cost_now, found.cost_then
    if then.value is None:
        return Text()
    instead = f" instead of {now.point}" if now.value is not None else ""
    return Text(f"A request would cost {then.point}{instead}.")


def month(found: WhatIf) -> Text:
    """Say what a month would cost; empty where no traffic was asked for."""
    if found.month is None:
        return Text()
    if found.month.usd.value is None:
        return Text(f"The bill of a month is not known: {found.month.usd.reason}.")
    return Text(f"{found.month.requests:,.0f} requests a month would cost {found.month.usd.point}.")
