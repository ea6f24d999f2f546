"""The jobs that people ask for, from start to end: run and grade a suite, open a run.

Here the layers meet: what the runner measured is graded, priced and laid down as tables.
The command line and the notebooks both come through here, so they cannot differ.
"""
