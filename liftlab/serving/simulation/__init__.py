"""The simulator's parts: profile, questions, answers, faults, replies, wire and truth log."""
