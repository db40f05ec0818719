from svc_kit.process import run

run("marketing_svc")
