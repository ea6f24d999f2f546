"""Published figures beside the rows that they are of: which come out, and which survive.

A figure *comes out* where some usual rule gives it, to the digits it was printed with: the median
of the successes only, a deviation over n, a price. It *survives* where the rule that liftlab
stands by gives it, too: all rows that ended, the functional verdict, the price that is billed.
"""

from liftlab.analysis.published.figures import PublishedFigure, compare_published, matches

__all__ = ["PublishedFigure", "compare_published", "matches"]
