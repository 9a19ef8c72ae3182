# Everything a person does with this checkout; `make help` lists it.

ROLE ?= postgres
export PORT ROLE

# These targets serve the embedded server and no other, whatever the shell around them has set.
unexport BILLING_DATABASE_URL BILLING_PASSFILE $(filter PG%,$(.VARIABLES))

# Stopping, cleaning and a look at the port work without .venv, too.
PYTHON := $(firstword $(wildcard .venv/bin/python) python3)
not_for_us := require-lock-timeout,require-statement-timeout,prefer-bigint-over-int
migrations = $(filter-out %.rollback.sql,$(wildcard migrations/*.sql))

.PHONY: help install run test check docs bench screenshots url psql stop clean

help: ## list what there is
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

install: ## what is missing on this machine; run, test, check and bench do it first
	@bash .ci/install

run: ## server, demo data, daily usage and web app, from nothing (PORT=8000, or as last time)
	@! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  $(PYTHON) -m app.embedded port >/dev/null
	@bash .ci/install
	@.venv/bin/python -m app.embedded start
	@.venv/bin/billing migrate
	@.venv/bin/billing demo
	@.venv/bin/billing run
	@.venv/bin/python -m app.embedded web
	@url=http://127.0.0.1:$$($(PYTHON) -m app.embedded port) && echo && \
	  printf '  %-53s %s\n' \
	  "$$url/" 'sign in; the password is in .local/demo-password' \
	  "$$url/api/billing/usage/summary" "a tenant's usage as JSON, signed in" \
	  "$$url/healthz" 'is it alive' "$$url/readyz" 'does it reach its database' \
	  'make psql' 'the database' 'make stop' 'the end'

test: install ## every test, against a server of their own (ARGS='-k name')
	@.venv/bin/pytest -n auto --maxprocesses 4 $(ARGS)

check: install ## lint, types, SQL and docs
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/pyright
	@.venv/bin/sqlfluff lint --disable-progress-bar sql migrations plans.sql app
	@# timeouts are set on the connection that migrates; the integers are small numbers
	@.venv/bin/squawk --assume-in-transaction --pg-version 15 --exclude=$(not_for_us) $(migrations)
	@bash -n .ci/install
	@bash -n .ci/run
	@.venv/bin/pytest tests/test_pages.py

docs: install ## write anew what is generated of docs/ (schema, commands, flow)
	@.venv/bin/python -m tests.flow_page
	@.venv/bin/python -m tests.schema_page
	@.venv/bin/python -m tests.command_page

bench: install ## measure every case beside its floor (BENCH=full, BENCH=--help)
	@.venv/bin/python -c 'import duckdb' 2>/dev/null || .venv/bin/python -m pip install -q \
	  --disable-pip-version-check -c constraints.txt -e '.[bench]' || echo 'Going on without DuckDB.'
	@.venv/bin/python -m bench $(BENCH)

screenshots: install ## pictures of both pages from demo data, into docs/images
	@.venv/bin/python -m tests.screenshots

url: ## where the web app of this checkout is
	@port=$$($(PYTHON) -m app.embedded port) && echo "http://127.0.0.1:$$port"

psql: ## the database, as its superuser (ROLE=billing_tenant for another login; reads a pipe)
	@$(PYTHON) -m app.embedded psql

stop: ## end web app and server; the data stay
	@$(PYTHON) -m app.embedded stop

clean: ## stop, then remove the data and all that was installed into this checkout
	@$(PYTHON) -m app.embedded clean
	@rm -rf .local .venv .hypothesis .pytest_cache .ruff_cache *.egg-info
	@find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
