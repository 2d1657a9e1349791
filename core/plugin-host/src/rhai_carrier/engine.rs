//! The interpreter: what scripts may use, and how much of it.

use rhai::Engine;
use rhai::packages::{
    BasicArrayPackage, BasicMapPackage, BasicMathPackage, CorePackage, LogicPackage, MoreStringPackage,
    Package,
};

use super::host_functions::{self, Late, Running};
use super::tamed;

/// Most steps of a call. Not a bound in time: one step may sort an array.
pub(crate) const OPERATIONS: u64 = 500_000;
/// Most bytes of a string, and of all strings in a value.
pub(super) const STRING: usize = 256 * 1_024;
/// Most items of an array or a map, with those of the ones inside it.
pub(super) const ITEMS: usize = 4_096;
/// Most variables of a scope.
pub(super) const VARIABLES: usize = 256;
/// Most functions of a script.
const FUNCTIONS: usize = 128;
/// Deepest nesting of calls.
pub(super) const CALL_LEVELS: usize = 32;
/// Deepest nesting of an expression outside functions, and within.
const EXPRESSION_LEVELS: (usize, usize) = (64, 32);

/// An interpreter without files, modules, time and `eval`.
pub(super) fn build() -> Engine {
    let mut engine = Engine::new_raw();
    CorePackage::new().register_into_engine(&mut engine);
    LogicPackage::new().register_into_engine(&mut engine);
    BasicMathPackage::new().register_into_engine(&mut engine);
    BasicArrayPackage::new().register_into_engine(&mut engine);
    BasicMapPackage::new().register_into_engine(&mut engine);
    MoreStringPackage::new().register_into_engine(&mut engine);
    limit(&mut engine);
    engine
        .set_strict_variables(true)
        .disable_symbol("eval")
        .on_progress(|step| Running::is_late(step).map(Late::token))
        .on_print(|text| Running::log("info", text, ""))
        .on_debug(|text, _, position| Running::log("debug", &format!("{position:?}: {text}"), ""));
    host_functions::register(&mut engine);
    tamed::register(&mut engine);
    engine
}

/// All limits by name: the library's own differ between debug and release builds.
fn limit(engine: &mut Engine) {
    engine
        .set_max_operations(OPERATIONS)
        .set_max_string_size(STRING)
        .set_max_array_size(ITEMS)
        .set_max_map_size(ITEMS)
        .set_max_variables(VARIABLES)
        .set_max_functions(FUNCTIONS)
        .set_max_modules(0)
        .set_max_call_levels(CALL_LEVELS)
        .set_max_expr_depths(EXPRESSION_LEVELS.0, EXPRESSION_LEVELS.1);
}
