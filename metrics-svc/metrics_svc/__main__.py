"""`python -m metrics_svc`: one process with all its roles."""

from svc_kit.process import run

if __name__ == "__main__":
    run("metrics_svc")
