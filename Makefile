# Thin: what people type. CMakePresets.json and the scripts in tools/ hold the rest.
JOBS ?= $(shell nproc)
# A test counts as two, one that does little but wait as one: three tests at once on two cores, or six of those.
TEST_JOBS ?= $(shell echo $$((2 * ($(JOBS) + ($(JOBS) + 1) / 2))))
export CTEST_OUTPUT_ON_FAILURE = 1
# Legs of `make test` are built once and whole: several sources at a time, but not where instructions are counted or what is
# shipped is built.
CONFIGURE_OPTIMISED = cmake -D PICKET_PRECOMPILE=ON --preset
CONFIGURE_TEST = cmake -D PICKET_PRECOMPILE=ON -D PICKET_UNITY=ON --preset

.PHONY: help demo build test dev-test race-test gcc-test budget-test install-test package package-test crs testssl soak fuzz conform bench profile interop format lint clean

help:
	@echo 'make demo      build, start upstream + picket-waf + gateway, attack them, print a table (KEEP=1 leaves them running)'
	@echo 'make build     release binaries: build/release/bin/picket, picket-waf, picket-guard'
	@echo 'make test      every test: sanitizers, races, GCC, instruction budgets'
	@echo 'make install-test  installs the library and builds agents of foreign projects with it'
	@echo 'make package   Debian packages in build/package, checked by lintian and tried on a bare machine'
	@echo 'make bench     benchmarks (ROWS=regex for a part, PEERS=all or PEERS=envoy with more proxies to compare with, BASE=commit: what has become worse)'
	@echo 'make profile   where the instructions of one request go in gateway and agent: tables and flame graphs'
	@echo 'make interop   Picket and the published Rust crates on each transport, and peers of other languages'
	@echo 'make conform   each rule of `picket conform` against an agent and a proxy that break just that one'
	@echo 'make crs       the whole OWASP CRS regression suite through gateway and WAF'
	@echo 'make testssl   what testssl.sh says of agents and the gateway over TLS'
	@echo 'make soak      random clients while agents, upstreams and configurations come and go, then a site and WebSockets changed under load, SECONDS (600) each; TRANSPORTS=tls,grpc for some agents only'
	@echo 'make fuzz      each fuzz target for FUZZ_SECONDS (60)'
	@echo 'make format    clang-format in place;  make lint: clang-format, clang-tidy, include order, coroutine rule'
	@echo 'make clean     removes build/'

build:
	@tools/bootstrap demo
	@cmake --preset release >/dev/null && cmake --build build/release --target picket picket-waf picket-guard -j $(JOBS)

demo: build
	@cmake --build build/release --target stream_guard -j $(JOBS)
	@python3 tools/demo.py $(if $(KEEP),--keep)

# Races under ThreadSanitizer, the library under GCC, instructions counted in the optimised library, everything under
# AddressSanitizer, and the library as others install it.
test: race-test gcc-test budget-test dev-test install-test

dev-test:
	@tools/bootstrap test
	@$(CONFIGURE_TEST) dev >/dev/null && cmake --build build/dev -j $(JOBS)
	@ctest --test-dir build/dev -j $(TEST_JOBS)

race-test:
	@tools/bootstrap test
	@$(CONFIGURE_TEST) tsan >/dev/null && cmake --build build/tsan --target race_tests -j $(JOBS)
	@ctest --test-dir build/tsan -L race -j $(TEST_JOBS)

gcc-test:
	@tools/bootstrap test
	@$(CONFIGURE_TEST) gcc >/dev/null && cmake --build build/gcc -j $(JOBS)
	@ctest --test-dir build/gcc -j $(TEST_JOBS)

budget-test:
	@tools/bootstrap test
	@$(CONFIGURE_OPTIMISED) budgets >/dev/null && cmake --build build/budgets -j $(JOBS)
	@tools/budgets
	@tools/check-atomics

install-test:
	@tools/bootstrap test
	@$(CONFIGURE_TEST) dev >/dev/null && cmake --build build/dev --target picket -j $(JOBS)
	@$(CONFIGURE_OPTIMISED) package >/dev/null && cmake --build build/package --target picket_shared picket_static -j $(JOBS)
	@PICKET_BUILD=build/package PICKET_BINARIES=build/dev/bin python3 tests/install/test_install.py

# Debian packages: built, looked at by lintian and systemd-analyze, and tried where nothing else is.
package:
	@tools/bootstrap package
	@cmake --preset package >/dev/null && cmake --build build/package --target picket picket-waf picket-guard picket_shared picket_static -j $(JOBS)
	@tools/package
	@$(MAKE) --no-print-directory package-test

package-test:
	@PICKET_PACKAGES=build/package python3 tests/package/test_package.py

conform:
	@tools/bootstrap test
	@cmake --preset dev >/dev/null && cmake --build build/dev --target picket picket-waf -j $(JOBS)
	@cd tests/conform && PICKET_MUTANTS=all PICKET_BINARIES=$(CURDIR)/build/dev/bin PYTHONPATH=../../tools python3 -m unittest

crs: build
	@tools/bootstrap test
	@tools/fetch-crs-tests
	@python3 tests/crs/run.py --bin build/release/bin
	@python3 tests/crs/responses/run.py --bin build/release/bin

testssl: build
	@tools/bootstrap testssl
	@cd tests/testssl && PICKET_BINARIES=$(CURDIR)/build/release/bin PYTHONPATH=../../tools python3 -m unittest

soak:
	@tools/bootstrap test
	@cmake --preset dev >/dev/null && cmake --build build/dev --target picket picket-waf -j $(JOBS)
	@PYTHONPATH=tools:tests/integration PICKET_BINARIES=build/dev/bin python3 tests/soak/soak.py --seconds $(or $(SECONDS),600) --seed $(or $(SEED),1) $(if $(TRANSPORTS),--transports $(TRANSPORTS))
	@PYTHONPATH=tools:tests/integration PICKET_BINARIES=build/dev/bin python3 tests/soak/changed_site.py --seconds $(or $(SECONDS),600) --seed $(or $(SEED),1)
	@PYTHONPATH=tools:tests/integration PICKET_BINARIES=build/dev/bin python3 tests/soak/many_websockets.py --seconds $(or $(SECONDS),600) --seed $(or $(SEED),1)

fuzz:
	@tools/bootstrap test
	@cmake --preset fuzz >/dev/null && cmake --build build/fuzz --target fuzz_targets -j $(JOBS)
	@tools/fuzz $(or $(FUZZ_SECONDS),60)

bench:
	@tools/bootstrap $(if $(PEERS),peers,bench)
	@tools/bench "$(ROWS)" $(if $(BASE),--base "$(BASE)")

profile:
	@tools/bootstrap profile
	@tools/profile

interop:
	@tools/bootstrap interop
	@tools/interop

format:
	@tools/bootstrap lint
	@git ls-files '*.cpp' '*.hpp' | xargs clang-format-19 -i

lint:
	@tools/bootstrap lint
	@cmake --preset dev >/dev/null && cmake --build build/dev --target picket_tests_precompiled -j $(JOBS) >/dev/null
	@tools/lint

clean:
	@rm -rf build
