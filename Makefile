# What a person types. `make help` is the default.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

SWIFT_VERSION := 6.3
# About a third fewer instructions a delivery; the debug build and its tests keep the checks.
FAST := -c release -Xswiftc -enforce-exclusivity=unchecked
RELEASE := $(FAST) --product rejoin
# The same for the tests, which see what is internal: a build of its own.
FAST_TESTS := --scratch-path .build/release-tests $(FAST) -Xswiftc -enable-testing
# Two builds with the same flags in the same order, or the second does work again: with colours a terminal's build has
# other flags than a pipe's, and the traits of a dependency come in the order of their hashes.
BUILD := SWIFT_DETERMINISTIC_HASHING=1 swift build --no-color-diagnostics
# Holds the layers: a target imports what it names as a dependency, and nothing else.
STRICT := --explicit-target-dependency-import-check error
SOURCES := Package.swift Sources Tests Examples Benchmarks/Package.swift Benchmarks/Benchmarks

BUILD_PACKAGES := libhiredis-dev libargon2-dev libpq-dev libsqlite3-dev zlib1g-dev pkg-config
RUN_PACKAGES := redis-server haproxy util-linux
BENCHMARK_PACKAGES := valgrind binutils python3
TEST_PACKAGES := chromium nginx-light openssl postgresql python3 python3-venv
VENV := .build/venv
PROMTOOL := .build/promtool
PYTHON_PACKAGES := Tests/python/requirements.txt
JAVASCRIPT_PACKAGES := Tests/python/requirements-javascript.txt

# $(call require,PACKAGES): installs those that are missing, and only those, saying so.
define require
missing=(); \
for package in $(1); do \
    [[ "$$(dpkg-query -W -f '$${db:Status-Abbrev}' "$$package" 2>/dev/null)" == "ii "* ]] || missing+=("$$package"); \
done; \
if (( $${#missing[@]} )); then \
    command -v apt-get >/dev/null || { echo "needed, by their names in Debian: $${missing[*]}" >&2; exit 1; }; \
    echo "installing Debian packages: $${missing[*]}"; \
    mkdir -p .build; as_root=(); (( EUID == 0 )) || as_root=(sudo); \
    install() { "$${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        "$${missing[@]}" >.build/packages.log 2>&1; }; \
    install || { "$${as_root[@]}" apt-get update -qq && install; } || { \
        cat .build/packages.log >&2; echo "apt-get could not install: $${missing[*]}" >&2; exit 1; }; \
fi
endef

.PHONY: help
help: ## This list
	@echo "make TARGET [ARGS='...']"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "make up GAME=Pong runs another game server of this package, such as the example Pong."
	@echo "make up ARGS='--nodes 5 --port 9000' passes ARGS to rejoin up; rejoin up --help explains them."

.PHONY: up
up: build run-packages $(if $(GAME),game) ## A whole cluster on this machine, at http://localhost:8080
	@exec .build/release/rejoin up $(if $(GAME),--program .build/release/$(GAME)) $(ARGS)

# A game server of your own, for `make up GAME=Pong`.
.PHONY: game
game: build
	$(BUILD) $(RELEASE:rejoin=$(GAME))

.PHONY: build
build: swift build-packages ## The release build: .build/release/rejoin
	$(BUILD) $(RELEASE)

.PHONY: test
test: swift build-packages run-packages test-packages promtool $(VENV)/.installed ## All tests: Swift, then Python against real nodes
	$(BUILD) --build-tests $(STRICT) $(TEST_FLAGS)
	@results=(); \
	check() { \
	    local name=$$1 begin=$$SECONDS result=passed; shift; \
	    "$$@" || result=FAILED; \
	    results+=("$$(printf '%-7s %s after %d s' "$$name" $$result $$(( SECONDS - begin )))"); \
	}; \
	check swift $(MAKE) --no-print-directory swift-tests; \
	check python $(MAKE) --no-print-directory python-tests; \
	echo; printf '%s\n' "$${results[@]}"; \
	[[ "$${results[*]}" != *FAILED* ]]

# With how the tests are built, and the binary that those in Python start.
.PHONY: test-release
test-release: ## All tests with the settings of the release build, which takes some ten minutes more
	@REJOIN_BINARY="$$PWD/.build/release-tests/release/rejoin" $(MAKE) --no-print-directory test TEST_FLAGS="$(FAST_TESTS)"

# One test after the other: they start servers, and have time limits. The log has all lines, the terminal failures and
# the sum.
.PHONY: swift-tests
swift-tests:
	@echo "Swift tests run, for some minutes"
	@swift test --skip-build --disable-xctest --no-parallel $(STRICT) $(TEST_FLAGS) $(ARGS) \
	    >.build/swift-tests.log 2>&1 && result=0 || result=$$?; \
	grep -a -E '^✘ Test .*recorded an issue|^. Test run with|^error:|Fatal error|crashed' .build/swift-tests.log \
	    | cut -c 1-500 || true; \
	(( result == 0 )) || echo "all lines are in .build/swift-tests.log"; \
	exit $$result

.PHONY: python-tests
python-tests:
	@echo "Python tests run, for some minutes"
	@PATH="$$PATH:/usr/sbin" $(VENV)/bin/python -m pytest -q Tests/python

.PHONY: instructions
instructions: swift build-packages benchmark-packages ## Fails when an operation costs more than Benchmarks/thresholds.json allows
	$(BUILD) $(RELEASE:rejoin=microbenchmark)
	Benchmarks/instructions $(ARGS)

# A package of its own, which builds all dependencies again the first time.
.PHONY: benchmarks
benchmarks: instructions ## The same, and the same operations by the clock
	cd Benchmarks && BENCHMARK_DISABLE_MALLOC_INTERPOSER=1 swift package benchmark --no-progress

.PHONY: format
format: swift ## Writes all Swift sources in the one format
	swift format --in-place --recursive $(SOURCES)

.PHONY: lint
lint: swift ## Fails when a Swift source is not in that format
	swift format lint --strict --recursive $(SOURCES)

.PHONY: clean
clean: ## Removes what was built; not the data folder .rejoin
	rm -rf .build Benchmarks/.build

.PHONY: swift
swift:
	@command -v swift >/dev/null || { \
	    echo "swift is not installed: Swift $(SWIFT_VERSION) is needed, see https://www.swift.org/install/linux/" >&2; \
	    exit 1; }
	@version="$$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)"; \
	[[ "$$version" == "$(SWIFT_VERSION)" ]] || { \
	    echo "Swift $${version:-of an unknown version} is installed, Swift $(SWIFT_VERSION) is needed" >&2; exit 1; }

.PHONY: build-packages run-packages test-packages benchmark-packages
build-packages:
	@$(call require,$(BUILD_PACKAGES))
run-packages:
	@$(call require,$(RUN_PACKAGES))
test-packages:
	@$(call require,$(TEST_PACKAGES))
benchmark-packages:
	@$(call require,$(BENCHMARK_PACKAGES))

# Unpacked, not installed: installed, Debian's package starts a Prometheus, on the default port of the admin listener.
.PHONY: promtool
promtool: | test-packages
	@command -v promtool >/dev/null || [[ -x $(PROMTOOL)/usr/bin/promtool ]] || { \
	    echo "unpacking promtool of the Debian package prometheus into $(PROMTOOL)"; \
	    rm -rf $(PROMTOOL); mkdir -p $(PROMTOOL); cd $(PROMTOOL); \
	    as_root=(); (( EUID == 0 )) || as_root=(sudo); \
	    download() { apt-get download -qq prometheus >../packages.log 2>&1; }; \
	    download || { "$${as_root[@]}" apt-get update -qq && download; } || { \
	        cat ../packages.log >&2; echo "apt-get could not download: prometheus" >&2; exit 1; }; \
	    dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool; rm prometheus_*.deb; \
	}

$(VENV)/.installed: $(PYTHON_PACKAGES) $(JAVASCRIPT_PACKAGES) | test-packages
	@echo "making $(VENV) with what $(PYTHON_PACKAGES) and $(JAVASCRIPT_PACKAGES) name"
	@rm -rf $(VENV)
	@mkdir -p .build
	@python3 -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r $(PYTHON_PACKAGES)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r $(JAVASCRIPT_PACKAGES)
	@touch $@
