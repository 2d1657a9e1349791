//! `launchpad config`.

use std::ffi::OsString;

use super::{say, say_json};
use crate::config::{Config, Overrides, Shown};
use crate::error::ServerError;

/// Shows every setting, its value and where it was set; then what is wrong, if anything is.
pub(crate) fn show(
    overrides: &Overrides,
    environment: &[(OsString, OsString)],
    json: bool,
) -> Result<(), ServerError> {
    let settings = Shown::all(overrides, environment);
    if json {
        say_json(&settings)?;
    } else {
        let width = |of: fn(&Shown) -> usize| settings.iter().map(of).max().unwrap_or_default();
        let (keys, values) = (
            width(|shown| shown.key.len()),
            width(|shown| shown.value.chars().count()),
        );
        for Shown {
            key, value, origin, ..
        } in &settings
        {
            say(format_args!("{key:keys$}  {value:values$}  {origin}"))?;
        }
    }
    Config::load(overrides, environment)?;
    Ok(())
}
