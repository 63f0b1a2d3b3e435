"""`python -m tracekit` is the command `tracekit`; knows nothing else."""

from tracekit.cli.main import main

if __name__ == "__main__":
    main()
