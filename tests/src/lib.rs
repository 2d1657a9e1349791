//! The harness, the integration suites, the browser suite and the benchmarks.
