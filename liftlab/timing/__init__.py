"""The clock in the transport, and how far to trust it.

`clock` holds what needs no HTTP: stamps, the run's clock, loop lag, CPU and memory.
`recorder` collects the stamps of one exchange and bounds its phases, `arrival` asks the
kernel when bytes came, `wire` stamps beside the socket, and `transport` is the HTTP transport
made of them. `trust` holds it against a truth of our own, and watches it during a load.
"""
