# Each command sets everything up in .venv first, and is quick when repeated.
# Where make is absent: python scripts/setup.py demo | test | check
PYTHON ?= python3
ARGS ?=

.PHONY: demo test check install clean

demo:
	@$(PYTHON) scripts/setup.py demo $(ARGS)

test:
	@$(PYTHON) scripts/setup.py test $(ARGS)

check:
	@$(PYTHON) scripts/setup.py check $(ARGS)

install:
	@$(PYTHON) scripts/setup.py install

clean:
	rm -rf .venv out
