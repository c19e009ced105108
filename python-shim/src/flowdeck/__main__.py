"""`python -m flowdeck ARGUMENTS…` becomes the `flowdeck` binary."""

import os
import subprocess
import sys

from flowdeck._program import BinaryNotFound, binary


def main() -> None:
    """Replaces this process by the binary, so that signals and exit codes are the binary's own."""
    try:
        program = str(binary())
    except BinaryNotFound as error:
        sys.exit(f"error: {error}")
    arguments = [program, *sys.argv[1:]]
    if os.name == "nt":
        # Windows has no exec: the parent would return at once and leave the console to both.
        sys.exit(subprocess.call(arguments))
    os.execv(program, arguments)


if __name__ == "__main__":
    main()
