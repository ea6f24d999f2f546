"""From arrays and tables to estimates that say themselves: no I/O, no plots."""
