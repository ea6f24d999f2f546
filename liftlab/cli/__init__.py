"""The `liftlab` command: one small file a group of verbs, loaded when used."""
