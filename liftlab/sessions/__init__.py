"""Checks of a session API: what they say, how they are made, and what their exchanges come to."""
