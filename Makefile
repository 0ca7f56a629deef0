# Two commands for a fresh machine: `make demo` and `make test`. Each does all its own set-up.

PYTEST := .venv/bin/python -m pytest
AS_ROOT := harness/as_root.sh

# Which tests run together: those that only compute, side by side; those that live by the clock
# (real nodes on loopback, agents in namespaces: they mostly wait); whole hosts, alone.
# tests/unit/test_commands_of_tests.py holds that each test is run by one command.
COMPUTES := not (lab or process or root or vm or hardware)
LIVES := (process or root) and not (lab or vm or hardware)
LAB := lab and not (vm or hardware)
BESIDE := --dist worksteal -q

.PHONY: demo test test-long test-long-computes test-long-hosts test-fast test-lab test-vm bench lint lock record language setup clean

demo: setup
	$(AS_ROOT) .venv/bin/slotlab demo

# That everything works: a quarter of an hour on two cores, a real lab run at its end.
test: setup
	$(AS_ROOT) $(PYTEST) -n auto $(BESIDE) -m "$(COMPUTES) and not long"
	$(AS_ROOT) $(PYTEST) -n 4 $(BESIDE) -m "$(LIVES) and not long"
	$(AS_ROOT) $(PYTEST) -q -m "$(LAB) and not long"

# What `make test` leaves out: the same claims in depth, and what may befall a rack. Its two parts may
# run beside each other: what computes, and what mostly waits.
test-long: test-long-computes test-long-hosts

test-long-computes: setup
	$(AS_ROOT) $(PYTEST) -n auto $(BESIDE) -m "$(COMPUTES) and long"

# Labs take long: they are run whatever the processes before them have shown.
test-long-hosts: setup
	$(AS_ROOT) $(PYTEST) -n 4 $(BESIDE) -m "$(LIVES) and long"; lives=$$?; \
	    $(AS_ROOT) $(PYTEST) -q -m "$(LAB) and long" && exit $$lives

# A minute, no root: what to run while editing.
test-fast: setup
	$(PYTEST) -n auto $(BESIDE) --hypothesis-profile fewer -m "$(COMPUTES) and not (slow or long)" \
	    tests/unit tests/sim

test-lab: setup
	$(AS_ROOT) $(PYTEST) -q -m "$(LAB)"

# Figures of this machine, each beside its floor; judges nothing. Run it with nothing beside it.
bench: setup
	$(AS_ROOT) .venv/bin/slotlab bench

# Machines with their own kernel and clock (QEMU; emulated where KVM does not serve): many minutes.
test-vm: setup
	$(AS_ROOT) $(PYTEST) -q -m vm

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

# Versions and hashes, no addresses: of the controller, and of hosts. Run after editing
# pyproject.toml.
LOCK := .venv/bin/uv pip compile --quiet --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-annotate --no-header pyproject.toml
lock:
	$(LOCK) --universal --all-extras -o requirements.lock
	$(LOCK) --python-platform x86_64-manylinux_2_36 --constraints requirements.lock \
	    -o harness/deploy/hosts.lock

# The runs that tests bend, anew: after a change of the run folder's format.
record: setup
	$(AS_ROOT) .venv/bin/python tests/vectors/runs/record.py

# The schema and the reference of the campaign language, anew: after a change of a key or its text.
language: setup
	.venv/bin/python -c "from harness.campaign import reference_page; reference_page.write()"

setup:
	@harness/setup.sh

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
