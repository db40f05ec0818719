"""`python -m marketing_svc`: one process with all its roles."""

from svc_kit.process import run

if __name__ == "__main__":
    run("marketing_svc")
