"""``python -m maxmargin`` is the command line."""

from maxmargin.cli import main

if __name__ == "__main__":
    main()
