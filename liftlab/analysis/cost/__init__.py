"""Cost as a model: by GPU seconds, by tokens, and on a container that scales to zero.

Cost is derived from attempts and a price, never measured; an unknown price is unknown, not 0.
"""
