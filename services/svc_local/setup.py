"""`python -m svc_local.setup`: databases, roles, tables on a deployment's PostgreSQL. May run any number of times.

POSTGRES_HOST: host:port. In the folder SECRETS_DIR: `postgres`, the superuser's password, and `passwords`, JSON of
{database: {app, owner}}.
"""

import json
import os
from pathlib import Path
from urllib.parse import quote

from svc_contracts.suite import SERVICES
from svc_kit import migrate
from svc_local.databases import Passwords, ensure_all


def main() -> None:
    folder = Path(os.environ["SECRETS_DIR"])
    password = (folder / "postgres").read_text().strip()
    server_url = f"postgresql://postgres:{quote(password, safe='')}@{os.environ['POSTGRES_HOST']}/postgres"
    passwords = {name: Passwords(**pair) for name, pair in json.loads((folder / "passwords").read_text()).items()}
    urls = ensure_all(server_url, passwords, databases=passwords)
    for entry in SERVICES.values():
        migrate.upgrade(entry.package, urls[entry.database].owner)
        print(f"{entry.database} is ready", flush=True)


if __name__ == "__main__":
    main()
