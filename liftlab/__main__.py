"""`python -m liftlab` is the `liftlab` command."""

from liftlab.cli.main import main

raise SystemExit(main())
