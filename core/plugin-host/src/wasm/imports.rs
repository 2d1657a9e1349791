//! What a component imports, for its author.

use wasmtime::component::types::ComponentItem;

use super::Guest;

impl Guest {
    /// The functions and interfaces that the component imports: `launchpad:plugin/host@1.0.0 log`.
    pub(crate) fn imports(&self) -> Vec<String> {
        let component = self.code.linked.component();
        let engine = self.code.linked.engine();
        let mut found = Vec::new();
        for (name, import) in component.component_type().imports(engine) {
            match import.ty {
                ComponentItem::ComponentInstance(instance) => {
                    let functions = instance
                        .exports(engine)
                        .filter(|(_, item)| matches!(item.ty, ComponentItem::ComponentFunc(_)))
                        .map(|(function, _)| format!("{name} {function}"));
                    found.extend(functions);
                }
                _ => found.push(name.to_owned()),
            }
        }
        found
    }
}
