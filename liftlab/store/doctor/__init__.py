"""Look a run's folder over: what is sound, what can be made again, what is damaged.

The checks read and never write; what may be mended or removed is the caller's to do.
"""
