//! Line numbers: where in a manifest a field stands, and which line a compiler's message names.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The line of a field by its path, or of the table that lacks it.
pub(super) fn of_path(manifest: &str, path: &str) -> Option<usize> {
    let table = DeTable::parse(manifest).ok()?;
    let mut span = None;
    let mut values: Option<&DeTable<'_>> = Some(table.get_ref());
    let mut found: Option<&Spanned<DeValue<'_>>>;
    for part in path.split('.') {
        let (name, indices) = split(part);
        found = values.and_then(|table| table.get(name));
        for index in indices {
            found = found
                .and_then(|value| value.get_ref().as_array())
                .and_then(|array| array.get(index));
        }
        let Some(value) = found else { break };
        span = Some(value.span());
        values = value.get_ref().as_table();
    }
    Some(of_offset(manifest, span?.start))
}

/// `test[2]` is the name `test` and the index 2.
fn split(part: &str) -> (&str, Vec<usize>) {
    let mut pieces = part.split('[');
    let name = pieces.next().unwrap_or_default();
    let indices = pieces.filter_map(|piece| piece.trim_end_matches(']').parse().ok());
    (name, indices.collect())
}

/// The line in which a byte stands, from 1.
pub(super) fn of_offset(text: &str, offset: usize) -> usize {
    text.get(..offset).unwrap_or_default().matches('\n').count() + 1
}

/// The line that a message of the script's compiler names: `... (line 3, position 5)`.
pub(super) fn in_message(message: &str) -> Option<usize> {
    let after = message.rsplit_once("(line ")?.1;
    let digits = after.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str =
        "manifest = 1\n\n[plugin]\nid = \"x\"\n\n[[test]]\nname = \"a\"\n[[test]]\nname = 1\n";

    #[test]
    fn fields_are_found_and_what_is_missing_stands_at_its_table() {
        assert_eq!(of_path(MANIFEST, "plugin.id"), Some(4));
        assert_eq!(of_path(MANIFEST, "plugin.name"), Some(3));
        assert_eq!(of_path(MANIFEST, "test[1].name"), Some(9));
        assert_eq!(of_path(MANIFEST, "runtime"), None);
        assert_eq!(of_path("= no", "runtime"), None);
    }

    #[test]
    fn a_compilers_line_is_read() {
        assert_eq!(in_message("Expecting ';' (line 12, position 4)"), Some(12));
        assert_eq!(in_message("no place"), None);
    }
}
