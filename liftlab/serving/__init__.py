"""Endpoints that liftlab can start itself, on loopback, each in a process of its own."""
