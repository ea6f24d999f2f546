"""Every sentence that liftlab says of a run, each written once and made from its summary."""
