//! `componentise MODULE.wasm COMPONENT.wasm`: makes a component of a core module that carries its WIT, as the
//! guest SDK builds it.

use std::fs;

use anyhow::{Context, Result, bail};
use wit_component::ComponentEncoder;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [module, component] = arguments.as_slice() else {
        bail!("usage: componentise MODULE.wasm COMPONENT.wasm");
    };
    let bytes = fs::read(module).with_context(|| format!("cannot read {module}"))?;
    let encoded = ComponentEncoder::default()
        .module(&bytes)
        .with_context(|| format!("{module} carries no component type"))?
        .validate(true)
        .encode()
        .with_context(|| format!("{module} cannot become a component"))?;
    fs::write(component, encoded).with_context(|| format!("cannot write {component}"))
}
