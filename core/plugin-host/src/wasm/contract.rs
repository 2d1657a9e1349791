//! Whether a component is a plugin: what it imports and exports, told in words that help.

use wasmtime::Engine;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex, Type};

use crate::call::Hook;
use crate::manifest::HOST_API;

/// The interface that the server provides.
pub(super) const HOST: &str = "launchpad:plugin/host@1.0.0";
/// Its functions.
const FUNCTIONS: &[&str] = &["log"];

/// Whether the server provides everything that is imported.
pub(super) fn imports(engine: &Engine, component: &Component) -> Result<(), String> {
    let mut wrong = Vec::new();
    for (name, import) in component.component_type().imports(engine) {
        let Some(interface) = name.strip_prefix("launchpad:plugin/") else {
            wrong.push(if name.starts_with("wasi:") {
                format!("imports {name}: plugins have no access to the system; time and randomness come in the context")
            } else {
                format!("imports {name}, which this server does not provide")
            });
            continue;
        };
        match import.ty {
            ComponentItem::ComponentInstance(instance) if interface.starts_with("host@1.") => {
                let functions = instance.exports(engine);
                let lacking = functions
                    .filter(|(function, item)| {
                        matches!(item.ty, ComponentItem::ComponentFunc(_)) && !FUNCTIONS.contains(function)
                    })
                    .map(|(function, _)| {
                        format!("needs `{function}` of {name}; this server provides {HOST_API}")
                    });
                wrong.extend(lacking);
            }
            _ if interface.starts_with("types@1.") => {}
            _ => wrong.push(format!("imports {name}; this server provides {HOST_API}")),
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong.join("; "))
    }
}

/// The export of a hook, if there is one.
pub(super) fn hook(
    engine: &Engine,
    component: &Component,
    hook: Hook,
) -> Result<Option<ComponentExportIndex>, String> {
    let Some(item) = component
        .component_type()
        .get_export(engine, hook.name())
        .map(|export| export.ty)
    else {
        return Ok(None);
    };
    match item {
        ComponentItem::ComponentFunc(function) if is_hook(&function) => {
            Ok(component.get_export_index(None, hook.name()))
        }
        _ => Err(format!(
            "`{hook}` must be func(ctx: string) -> result<string, plugin-error>"
        )),
    }
}

fn is_hook(function: &ComponentFunc) -> bool {
    let mut parameters = function.params();
    let mut results = function.results();
    let (Some((_, Type::String)), None) = (parameters.next(), parameters.next()) else {
        return false;
    };
    let (Some(Type::Result(result)), None) = (results.next(), results.next()) else {
        return false;
    };
    matches!(result.ok(), Some(Type::String)) && matches!(result.err(), Some(error) if is_error(&error))
}

fn is_error(error: &Type) -> bool {
    let Type::Record(record) = error else { return false };
    record
        .fields()
        .map(|field| field.name)
        .eq(["code", "message", "details"])
        && record.fields().all(|field| matches!(field.ty, Type::String))
}
