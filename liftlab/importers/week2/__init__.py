"""All that is particular to the first team: its result files, in and out, and published days."""

FORMULA = "latency"  # its cost model
# The list price first: it is the run's own. The formula of the published day and of the first
# benchmark's files only shows where their figures come from.
PRICES = (("modal-a10g", "gpu_seconds"), ("week2-published", FORMULA))
