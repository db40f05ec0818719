# `make help` lists what there is. Every target works on a bare machine with Python 3.11 or newer.

PYTHON ?= python3
BOOT = @$(PYTHON) services/svc_local/bootstrap.py

.PHONY: help up down status logs reset test check contracts demo tour reconcile sabotage faults soak bench bench-check compose-secrets compose-test

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

up: ## start the whole suite in the background (YUNYING_PORT_OFFSET=100 moves every port)
	$(BOOT) svc_local up

down: ## stop it; the data stay
	$(BOOT) svc_local down

status: ## one line per process: ready, restarts, memory
	$(BOOT) svc_local status

logs: ## follow all logs (SERVICE=order-svc: one of them)
	$(BOOT) svc_local logs

reset: ## stop it and delete its data, after asking (YES=1 does not ask)
	$(BOOT) svc_local reset

test: ## all tests, on a PostgreSQL and a Kafka of their own (ARGS="-k name" chooses)
	$(BOOT) --dev pytest $(ARGS)

check: ## format, lint, types, rules, dependency audit
	$(BOOT) --dev svc_local.check

contracts: ## write docs/contracts and docs/reference from the code (RELEASE=0.2.0 freezes a version)
	$(BOOT) svc_local.contracts

demo: ## replay a year of real shopping baskets and compare every figure (HOUSEHOLDS=all, TAMPER=1)
	$(BOOT) --dev svc_local.demo

tour: ## run the README's code blocks against the running suite and compare the answers
	$(BOOT) svc_local.tour

reconcile: ## compare what the services say of orders, stock, money and facts
	$(BOOT) svc_local.reconcile

sabotage: ## break one line after the other in a copy: each has to turn a test red (NAME=… one of them)
	$(BOOT) --dev tests.sabotage $(NAME)

faults: ## kill, stop and cut off everything on purpose (PROMISE=P12 one of them, SEED=7 replays)
	$(BOOT) --dev tests.faults

soak: ## the same as long as the promises are written: hours
	@FORM=soak $(MAKE) --no-print-directory faults

bench: ## measure the suite beside the machine's own limit (SCENARIO=buy_now one of them)
	$(BOOT) --dev bench $(ARGS)

bench-check: ## the same, and fail where a ratio fell by more than 15 % of bench/baseline.json
	$(BOOT) --dev bench --check

compose-secrets: ## write the secrets that docker-compose.yml mounts
	$(BOOT) svc_local.compose secrets

compose-test: ## build the images, buy in the suite of containers, kill each, buy again, take it down
	$(BOOT) --dev svc_local.compose test
