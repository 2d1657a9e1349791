//! Loads launch types and calls their hooks, WASM components and Rhai scripts alike.
