//! Numbers and times as people say them.

use launchpad_domain::ReadyFigures;

pub(super) fn ready_words(ready: Option<ReadyFigures>) -> String {
    ready.map_or_else(String::new, |ready| {
        let (half, most) = (duration(ready.p50_ms), duration(ready.p95_ms));
        // One unit is enough for both.
        match (half.split_once(' '), most.split_once(' ')) {
            (Some((number, unit)), Some((_, same))) if unit == same => format!("{number} / {most}"),
            _ => format!("{half} / {most}"),
        }
    })
}

/// Milliseconds as people say them, two or three figures of them.
pub(super) fn duration(milliseconds: u64) -> String {
    match milliseconds {
        0 => "0 s".to_owned(),
        1..1_000 => format!("{milliseconds} ms"),
        1_000..10_000 => format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100),
        10_000..600_000 => format!("{} s", milliseconds / 1_000),
        _ => format!("{} min", milliseconds / 60_000),
    }
}

pub(super) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    let tenths = part.saturating_mul(1_000) / whole;
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// A number with its thousands set apart.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(
            [grouped(0), grouped(999), grouped(1_000), grouped(12_345_678)],
            ["0", "999", "1,000", "12,345,678"]
        );
        assert_eq!(
            [
                duration(850),
                duration(2_340),
                duration(61_000),
                duration(900_000)
            ],
            ["850 ms", "2.3 s", "61 s", "15 min"]
        );
        let ready = |p50_ms, p95_ms| ready_words(Some(ReadyFigures { p50_ms, p95_ms }));
        assert_eq!(
            [ready(1_900, 9_100), ready(900, 1_000)],
            ["1.9 / 9.1 s", "900 ms / 1.0 s"]
        );
        assert_eq!(
            [percent(0, 0), percent(14, 1_000), percent(1, 3)],
            ["–", "1.4 %", "33.3 %"]
        );
    }
}
