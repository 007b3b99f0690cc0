# Two commands matter: `make demo` and `make test`. Each sets up what it needs, from nothing.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PY := .venv/bin/python
PYTEST := $(PY) -m pytest
READY := .venv/.ready
# Booted test modules that CI runs, the longest first, two at a time; the others are rehearsed
# until they are ready to gate.
GATE := clinic machine replace grown pool console shares luns volume access watch unreadable

.PHONY: help demo demo-down test check lab-test rehearse bench image lock format clean

help: ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 22

demo: $(READY) ## Build the image, boot a virtual chassis, apply examples/clinic.toml, prove every service
	$(PY) -m images.demo up

demo-down: $(READY) ## End the demo's nodes
	$(PY) -m images.demo down

test: check lab-test ## Everything CI runs, the booted-node tests included

check: $(READY) ## The quick part: lint, types, contracts, unit tests
	$(PYTEST) -n 2 --dist loadgroup

lab-test: $(READY) image ## The booted part that gates: virtual chassis, access, volumes, LUNs, the whole clinic
	$(PYTEST) -m lab -p no:randomly -v --durations 60 -n 2 --dist loadfile --no-loadscope-reorder $(addprefix tests/lab/test_,$(addsuffix .py,$(GATE)))

rehearse: $(READY) image ## All booted tests: pools, volumes, shares, LUNs, the clinic, faults (long)
	$(PYTEST) -m lab tests/lab

bench: $(READY) image ## Measure what we promise; prints a table of ratios
	$(PYTEST) -m bench -s -p no:randomly tests/benchmarks

image: $(READY) ## Build the appliance image if its recipe or our code changed
	$(PY) -m images.build

lock: $(READY) ## Renew the locked dependencies with their hashes
	$(PY) -m uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-strip-extras -q --upgrade --extra web pyproject.toml -o requirements.lock
	$(PY) -m uv pip compile --universal --python-version 3.11 --extra dev --extra web --generate-hashes --no-emit-index-url --no-annotate --no-strip-extras -q --upgrade pyproject.toml -o requirements-dev.lock

format: $(READY) ## Format the code
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

clean: ## Remove the virtual environment; images and nodes live in ~/.cache/appliance
	rm -rf .venv

$(READY): requirements-dev.lock images/host-packages.txt images/setup
	images/setup
