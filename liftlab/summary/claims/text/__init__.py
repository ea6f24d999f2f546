"""The claims of a Markdown report, each ruled by a run's summary, and what is not read."""
