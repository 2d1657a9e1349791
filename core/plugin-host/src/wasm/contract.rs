//! Whether a component is a plugin: what it imports and exports, told in words that help.

use wasmtime::Engine;
use wasmtime::component::types::{ComponentFunc, ComponentInstance, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex, Type};

use super::host_functions::FUNCTIONS;
use crate::call::Hook;
use crate::manifest::HOST_API;

/// The interface that the server provides.
pub(super) const HOST: &str = "launchpad:plugin/host@1.0.0";
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
                wrong.extend(lacking(engine, name, &instance));
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

/// The functions of an interface that the server does not have, or has in another shape.
fn lacking(engine: &Engine, interface: &str, instance: &ComponentInstance) -> Vec<String> {
    let mut lacking = Vec::new();
    for (name, item) in instance.exports(engine) {
        let ComponentItem::ComponentFunc(function) = item.ty else {
            continue;
        };
        match FUNCTIONS.iter().find(|(known, ..)| *known == name) {
            None => lacking.push(format!(
                "needs `{name}` of {interface}; this server provides {HOST_API}"
            )),
            Some((_, shape, _)) if *shape != written(&function) => {
                lacking.push(format!(
                    "imports `{name}` of {interface} as {}; it is {shape}",
                    written(&function)
                ));
            }
            Some(_) => {}
        }
    }
    lacking
}

/// A function's shape in words: `(string) -> result<string, error>`.
fn written(function: &ComponentFunc) -> String {
    let parameters: Vec<_> = function.params().map(|(_, ty)| named(&ty)).collect();
    let mut shape = format!("({})", parameters.join(", "));
    for ty in function.results() {
        shape.push_str(" -> ");
        shape.push_str(&named(&ty));
    }
    shape
}

fn named(ty: &Type) -> String {
    match ty {
        Type::String => "string".to_owned(),
        Type::U32 => "u32".to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::Option(option) => format!("option<{}>", named(&option.ty())),
        Type::Result(result) => {
            let part = |ty: Option<Type>| ty.as_ref().map_or_else(|| "_".to_owned(), named);
            format!("result<{}, {}>", part(result.ok()), part(result.err()))
        }
        error if is_error(error) => "error".to_owned(),
        _ => "something else".to_owned(),
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
