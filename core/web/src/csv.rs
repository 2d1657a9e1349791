//! Comma-separated values (RFC 4180).

/// The type of a file of them.
pub(crate) const CSV: &str = "text/csv; charset=utf-8; header=present";

/// Adds a line of these cells.
pub(crate) fn push_line<Cell: AsRef<str>>(text: &mut String, cells: impl IntoIterator<Item = Cell>) {
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        push_cell(text, cell.as_ref());
    }
    text.push_str("\r\n");
}

/// Spreadsheets run what begins like a formula, also after blanks, and however it is quoted: a sign before it makes it
/// text (OWASP, CSV injection).
fn push_cell(text: &mut String, cell: &str) {
    let start = cell.trim_start().chars().next();
    let runs = start.is_some_and(|c| {
        matches!(
            c,
            '=' | '+' | '-' | '@' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}'
        )
    }) || cell.starts_with(['\t', '\r', '\n']);
    text.push('"');
    if runs {
        text.push('\'');
    }
    text.push_str(&cell.replace('"', "\"\""));
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_run_and_none_breaks_out() {
        for (cell, written) in [
            ("app wiki", "\"app wiki\""),
            ("a,\"b\"\r\nc", "\"a,\"\"b\"\"\r\nc\""),
            ("=1+1", "\"'=1+1\""),
            ("  =cmd|' /C calc'!A0", "\"'  =cmd|' /C calc'!A0\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("-2+3", "\"'-2+3\""),
            ("\t=1", "\"'\t=1\""),
            ("\u{ff1d}1", "\"'\u{ff1d}1\""),
            ("", "\"\""),
        ] {
            let mut text = String::new();
            push_cell(&mut text, cell);
            assert_eq!(text, written);
        }
    }
}
