#pragma once

#include <string>

#include <benchmark/benchmark.h>

#include "bench/rival.hpp"

/// How benchmarks are declared: by the names of bench/targets.json, from a static initialiser of their file.
namespace picket::bench {

/// `setup()` makes what is timed, a callable; it runs only when the row is wanted. What the callable returns is kept
/// from being optimised away.
template <class Setup>
void row(const std::string& name, Setup setup) {
  benchmark::RegisterBenchmark(name.c_str(), [setup](benchmark::State& state) {
    auto work = setup();
    for (auto _ : state) benchmark::DoNotOptimize(work());
  });
}

/// The row `name/contended`: the same while another thread does what `rival()` makes.
template <class RivalSetup, class Setup>
void contended_row(const std::string& name, RivalSetup rival, Setup setup) {
  benchmark::RegisterBenchmark((name + "/contended").c_str(), [rival, setup](benchmark::State& state) {
    auto work = setup();
    const Rival other{[theirs = rival()]() mutable { benchmark::DoNotOptimize(theirs()); }};
    for (auto _ : state) benchmark::DoNotOptimize(work());
  });
}

/// Declares rows when a file's static objects are made: `const Declared rows{[] { row(…); }};`
struct Declared {
  template <class Declare>
  explicit Declared(Declare declare) {
    declare();
  }
};

}  // namespace picket::bench
