"""`python -m svc_local.demo`: HOUSEHOLDS=n or all, TAMPER=1. Exit status 0 only where every figure is equal."""

import os
import sys

from rich.console import Console

from svc_local.demo.run import run
from svc_local.demo.selection import asked
from svc_local.layout import state_here
from svc_local.troubles import Trouble


def main() -> int:
    try:
        return run(asked(os.environ), state_here(), Console(highlight=False))
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. `make demo` goes on where it ended.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
