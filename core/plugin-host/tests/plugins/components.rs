//! Components from text: small enough to read, and able to do what no compiler would.

use crate::support::{Plugins, manifest};

/// An ordinary answer.
pub(crate) const ANSWER: &str = r#"{"schema":1,"url":"https://wiki.example.org/"}"#;

/// The interface of the host.
const HOST: &str = r#"(import "launchpad:plugin/host@1.0.0" (instance $host
    (export "log" (func (param "level" string) (param "message" string) (param "fields" string)))))"#;

/// A component whose `plan` is this body: core code that gets `(param $ctx i32) (param $len i32)` and returns where
/// its result is; `$ok`, `$refuse` and `$log` help. The document lies at 1024.
pub(crate) fn with_plan(body: &str, document: &str) -> Vec<u8> {
    component(HOST, body, document, "(param \"ctx\" string)")
}

/// The same with other imports or parameters.
pub(crate) fn component(imports: &str, body: &str, document: &str, parameters: &str) -> Vec<u8> {
    let data = document
        .bytes()
        .fold(String::new(), |data, byte| format!("{data}\\{byte:02x}"));
    let length = document.len();
    let (lower, instance, import) = if imports == HOST {
        (
            r#"(core func $log (canon lower (func $host "log") (memory $libc "memory")))"#,
            r#"(with "host" (instance (export "log" (func $log))))"#,
            r#"(import "host" "log" (func $log (param i32 i32 i32 i32 i32 i32)))"#,
        )
    } else {
        ("", "", "")
    };
    let text = format!(
        r#"(component
          {imports}
          (core module $libc_module
            (memory (export "memory") 20)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536)))
          (core instance $libc (instantiate $libc_module))
          {lower}
          (core module $main_module
            (import "libc" "memory" (memory 20))
            {import}
            (data (i32.const 1024) "{data}")
            (func $result (param $case i32) (param $at i32) (param $length i32) (result i32)
              (i32.store (i32.const 16) (local.get $case))
              (i32.store (i32.const 20) (local.get $at))
              (i32.store (i32.const 24) (local.get $length))
              (i32.store (i32.const 36) (i32.const 1024))
              (i32.store (i32.const 40) (i32.const {length}))
              (i32.const 16))
            (func $ok (param $at i32) (param $length i32) (result i32)
              (call $result (i32.const 0) (local.get $at) (local.get $length)))
            (func $document (result i32) (call $ok (i32.const 1024) (i32.const {length})))
            (func $refuse (result i32) (call $result (i32.const 1) (i32.const 1024) (i32.const 2)))
            (func $forever (result i32) (i32.add (i32.const 1) (call $forever)))
            (func (export "plan") (param $ctx i32) (param $len i32) (result i32) {body}))
          (core instance $main (instantiate $main_module (with "libc" (instance $libc)) {instance}))
          (type $error_type (record (field "code" string) (field "message" string) (field "details" string)))
          (export $error "plugin-error" (type $error_type))
          (func $plan {parameters} (result (result string (error $error)))
            (canon lift (core func $main "plan") (memory $libc "memory") (realloc (func $libc "realloc"))))
          (export "plan" (func $plan)))"#
    );
    wat::parse_str(text).unwrap()
}

impl Plugins {
    /// Writes a component as a plugin.
    pub(crate) fn component(self, id: &str, bytes: &[u8]) -> Self {
        self.plugin(id, &manifest(id, "wasm", "plugin.wasm", ""), "plugin.wasm", bytes)
    }
}
