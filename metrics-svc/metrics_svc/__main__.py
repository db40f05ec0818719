"""`python -m metrics_svc`: one process with all its roles. `python -m metrics_svc rebuild`: the facts, told anew."""

import sys

from metrics_svc.rebuild.door import main as rebuild
from svc_kit.process import run

if __name__ == "__main__":
    if sys.argv[1:2] == ["rebuild"]:
        sys.exit(rebuild(sys.argv[2:]))
    run("metrics_svc")
