"""The command line: ``python -m logscape``, or ``logscape``."""

import signal
import sys

from ._lib import command


def main() -> int:
    """Run the command with the arguments of the process; return its exit code."""
    # The command ends at Ctrl-C by itself, or with the process: Python is not to raise anything afterwards.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    return command(["logscape", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
