"""Results that liftlab did not measure itself, as run folders like any other."""
