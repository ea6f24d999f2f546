"""liftlab."""
