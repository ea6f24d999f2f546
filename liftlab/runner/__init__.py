"""Plan → schedule → attempts → records: one suite, once, through a pipeline."""
