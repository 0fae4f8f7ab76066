# Everything runs from .venv, which is built here from the lock; nothing has to be installed or activated before.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
PEERS := .venv/.peers
BROWSER := .venv/.browser
OLDEST := .venv-oldest
BENCH := .venv-bench
INSTALL := -m pip install -qq --disable-pip-version-check
PYTEST := -m pytest -n auto

.DEFAULT_GOAL := generate
.DELETE_ON_ERROR:
.PHONY: generate check pictures figures pages pdf docs bench bench-quick test test-full test-peers test-browser test-oldest lint
.PHONY: wheel lock clean help

generate: $(READY) ## derive every shipped cell and write generated/ (the default)
	$(BIN)/derive generate

check: $(READY) ## derive again elsewhere and compare with generated/
	$(BIN)/derive check

pdf: $(READY) ## typeset every derivation in generated/ into build/pdf (needs pdflatex with TikZ)
	@command -v pdflatex >/dev/null \
		|| { echo "make pdf needs pdflatex; install TeX with TikZ (Debian, Ubuntu: apt install texlive-latex-extra)" >&2; exit 1; }
	@mkdir -p build/pdf
	@for source in generated/*/derivation.tex; do \
		name=$$(basename $$(dirname $$source)); \
		for run in first second; do \
			pdflatex -interaction=batchmode -halt-on-error -output-directory=build/pdf -jobname=$$name $$source >/dev/null \
				|| { echo "$$source does not typeset; see build/pdf/$$name.log" >&2; exit 1; }; \
		done; \
		rm -f build/pdf/$$name.aux build/pdf/$$name.log; \
		echo "build/pdf/$$name.pdf"; \
	done

pictures: $(READY) ## draw the pictures that README shows into docs/pictures
	$(BIN)/derive draw lstm -o build/pictures
	$(BIN)/derive compare rnn lstm -o docs/pictures/rnn-lstm.svg
	cp build/pictures/lstm/whole.svg docs/pictures/lstm.svg
	cp build/pictures/lstm/gradient.svg docs/pictures/lstm-gradient.svg

figures: $(READY) ## measure and draw the pictures of gradient flow in docs/figures
	$(BIN)/python docs/figures/build.py

docs: $(READY) ## build the site into build/docs
	$(BIN)/python -m sphinx -W --keep-going -n -q -d build/doctrees docs build/docs

pages: $(READY) ## write a page for every shipped cell, and a gallery, into build/pages
	$(BIN)/derive report -o build/pages

bench: $(BENCH)/.ready ## time the kernels beside their peers, and write docs/benchmarks.md (two to three hours)
	$(BENCH)/bin/python bench/run.py --publish

bench-quick: $(BENCH)/.ready ## a few points of it, in three minutes
	$(BENCH)/bin/python bench/run.py --quick

test: $(READY) ## run the tests that need no PyTorch
	$(BIN)/python $(PYTEST) -m "not peers and not browser"

test-full: $(READY) ## the same, with every operator change and every mutant of every cell
	DERIVE_FULL=1 $(BIN)/python $(PYTEST) -m "not peers and not browser"

test-peers: $(PEERS) ## compare with PyTorch (installs it into .venv)
	$(BIN)/python $(PYTEST) -m peers

test-browser: docs pages $(BROWSER) ## open every page that is built in a browser (needs chromium)
	$(BIN)/python $(PYTEST) -m browser tests/browser

test-oldest: $(OLDEST)/.ready ## run a sixteenth of the tests under the oldest supported versions, none of those of the C alone
	$(OLDEST)/bin/python $(PYTEST) -m "not peers and not browser and not drift" --ignore tests/c --every 16

lint: $(READY) ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

wheel: $(READY) ## build the wheel into dist/
	$(BIN)/python -m hatchling build -t wheel

lock: requirements/dev.in requirements/oldest.in pyproject.toml ## write requirements/*.txt anew
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python $(INSTALL) pip-tools
	$(LOCK) --extra dev --constraint requirements/dev.in --output-file requirements/dev.txt pyproject.toml
	$(LOCK) --extra test --extra plot --constraint requirements/dev.in --constraint requirements/oldest.in --output-file requirements/oldest.txt pyproject.toml
	rm -rf .venv-lock
LOCK := CUSTOM_COMPILE_COMMAND="make lock" .venv-lock/bin/pip-compile --quiet --upgrade --generate-hashes \
	--build-deps-for editable --allow-unsafe --strip-extras --no-annotate \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host

clean: ## remove the environments, caches and builds
	rm -rf .venv .venv-oldest .venv-bench .venv-lock build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements/dev.txt pyproject.toml
	$(call environment,.venv,requirements/dev.txt)

$(OLDEST)/.ready: requirements/oldest.txt pyproject.toml
	$(call environment,$(OLDEST),requirements/oldest.txt)

$(BENCH)/.ready: requirements/dev.txt requirements/bench.txt pyproject.toml
	$(call environment,$(BENCH),requirements/dev.txt)
	$(BENCH)/bin/python $(INSTALL) -r requirements/bench.txt
	@touch $@

$(PEERS): requirements/peers.txt $(READY)
	$(BIN)/python $(INSTALL) -r requirements/peers.txt
	@touch $@

$(BROWSER): requirements/browser.txt $(READY)
	$(BIN)/python $(INSTALL) -r requirements/browser.txt
	@touch $@

# environment(folder, lock): a virtual environment with what the lock names, and derive itself, editable
define environment
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo "derive needs Python 3.11 or newer as $(PYTHON); name another with: make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "$(PYTHON) cannot make virtual environments; install the venv package (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv $(1)
	$(1)/bin/python $(INSTALL) --require-hashes -r $(2)
	$(1)/bin/python $(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@
endef
