"""`python -m gateway`: one process with all its roles. `python -m gateway create-owner`: see owner.py."""

import asyncio
import sys

from svc_kit.process import run
from svc_kit.telemetry import configure_logs


def create_owner() -> None:
    from gateway.owner import ensure_owner
    from gateway.settings import GatewaySettings

    settings = GatewaySettings()
    configure_logs("gateway", settings.log_level)
    try:
        made = asyncio.run(ensure_owner(settings))
    except ValueError as fault:
        sys.exit(f"create-owner: {fault}")
    sys.stdout.write("The owner can sign in.\n" if made else "The owner is there already; nothing was changed.\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["create-owner"]:
        create_owner()
    else:
        run("gateway")
