"""What if a stage were faster, retries went away, or the price changed? With sliders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from liftlab.api.run import Run
from liftlab.api.runs import open_run
from liftlab.errors import UsageError
from liftlab.reporting.sections import attach
from liftlab.summary.budget import WhatIf
from liftlab.summary.budget import what_if as assumed


def what_if(
    run: str | Run = "latest",
    stages: Mapping[str, float] | None = None,
    *,
    retries: bool = True,
    usd_per_hour: float | None = None,
    requests_per_month: int = 0,
) -> WhatIf:
    """Return a run's times and costs under other assumptions.

    Parameters
    ----------
    run
        A run, or its name.
    stages
        A factor on the time of each stage named: 0.5 is twice as fast.
    retries
        Whether the model is asked again as it was.
    usd_per_hour
        Another hourly price.
    requests_per_month
        Traffic for which the bill is told; 0 for none.

    Raises
    ------
    UnknownName
        If the run has no such stage; the message gives the nearest.

    Examples
    --------
    >>> import liftlab
    >>> found = liftlab.what_if("week2_day1", {"nlp_to_ir": 0.5})
    >>> print(found.then.p50.point)
    9.6 s
    """
    attach()
    opened = open_run(run)
    return assumed(
        opened.summary,
        stages or {},
        retries=retries,
        usd_per_hour=usd_per_hour,
        requests_per_month=requests_per_month,
    )


def explore(run: str | Run = "latest") -> Any:
    """Show `what_if` with a slider for each stage, the price and the traffic.

    Parameters
    ----------
    run
        A run, or its name.

    Returns
    -------
    ipywidgets.VBox
        It needs a notebook with a person before it.

    Raises
    ------
    UsageError
        If ipywidgets is not installed: it comes with JupyterLab, in the extra `lab`.

    Examples
    --------
    >>> import liftlab
    >>> liftlab.explore("week2_day1")  # doctest: +SKIP
    """
    try:
        import ipywidgets as widgets
    except ImportError:
        raise UsageError("sliders need ipywidgets: pip install 'liftlab[lab]'") from None
    opened = open_run(run)
    names = [str(name) for name in opened.stages.sort_values("position")["stage"].unique()]
    known = opened.summary.cost.price.usd_per_hour
    sliders = {
        name: widgets.FloatSlider(1.0, min=0.1, max=2.0, step=0.1, description=name)
        for name in names
    }
    others = {
        "retries": widgets.Checkbox(True, description="ask again as it was"),
        "usd_per_hour": widgets.FloatText(known or 0.0, description="USD an hour"),
        "requests_per_month": widgets.IntText(10_000, description="a month"),
    }

    def show(retries: bool, usd_per_hour: float, requests_per_month: int, **factors: float) -> None:
        from IPython.display import display

        found = what_if(
            opened,
            factors,
            retries=retries,
            usd_per_hour=usd_per_hour or None,
            requests_per_month=requests_per_month,
        )
        display(found)  # type: ignore[no-untyped-call]

    controls = sliders | others
    shown = widgets.interactive_output(show, controls)
    return widgets.VBox([*controls.values(), shown])
