"""`python -m svc_local up | down | status | logs | reset`."""

import sys

from svc_local.commands import COMMANDS
from svc_local.layout import state_here
from svc_local.troubles import Trouble


def main() -> int:
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    if name not in COMMANDS:
        print(f"usage: python -m svc_local {' | '.join(COMMANDS)}", file=sys.stderr)
        return 2
    try:
        return COMMANDS[name](state_here())
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
