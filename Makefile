# Two commands for a fresh machine: `make demo` and `make test`. Each does all its own set-up.

PYTEST := .venv/bin/python -m pytest
AS_ROOT := harness/as_root.sh

.PHONY: demo test test-fast test-lab test-vm lint lock record setup clean

demo: setup
	$(AS_ROOT) .venv/bin/slotlab demo

# Everything. What only computes, side by side; then what lives by the clock with less beside it:
# real nodes on loopback and agents in namespaces, then the lab, alone.
test: setup
	$(AS_ROOT) $(PYTEST) -n auto -q -m "not lab and not process and not root and not vm and not hardware"
	$(AS_ROOT) $(PYTEST) -n auto -q -m "(process or root) and not lab and not vm"
	$(AS_ROOT) $(PYTEST) -q -m lab

# Seconds, no root: what to run while editing.
test-fast: setup
	$(PYTEST) -n auto -q -m "not lab and not root and not process and not slow"

test-lab: setup
	$(AS_ROOT) $(PYTEST) -q -m lab

# Machines with their own kernel and clock (QEMU; emulated where KVM does not serve): many minutes.
test-vm: setup
	$(AS_ROOT) $(PYTEST) -q -m vm

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

# Versions and hashes, no addresses. Run after editing pyproject.toml.
lock:
	.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-annotate --no-header --all-extras pyproject.toml \
	    -o requirements.lock

# The runs that tests bend, anew: after a change of the run folder's format.
record: setup
	$(AS_ROOT) .venv/bin/python tests/vectors/runs/record.py

setup:
	@harness/setup.sh

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
