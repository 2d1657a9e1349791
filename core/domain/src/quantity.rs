//! Kubernetes quantities (<https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>), as far as
//! limits need them: a number of at most three decimals with a unit, compared exactly.

use std::fmt;
use std::str::FromStr;

/// Most characters of a quantity.
const MAX_LENGTH: usize = 20;

/// An amount of computing, memory or disk: more than nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity {
    /// In thousandths, so that `500m` is exact.
    milli: u128,
}

impl FromStr for Quantity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse(text).ok_or_else(|| "must be a quantity like 2, 500m, 512Mi or 2Gi".to_owned())
    }
}

fn parse(text: &str) -> Option<Quantity> {
    if text.len() > MAX_LENGTH {
        return None;
    }
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let milli_per_unit: u128 = match &text[number.len()..] {
        "m" => 1,
        "" => 1_000,
        "k" => 1_000_000,
        "M" => 1_000_000_000,
        "G" => 1_000_000_000_000,
        "T" => 1_000_000_000_000_000,
        "Ki" => 1_000 << 10,
        "Mi" => 1_000 << 20,
        "Gi" => 1_000 << 30,
        "Ti" => 1_000 << 40,
        _ => return None,
    };
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|c| c.is_ascii_digit())
    };
    if !digits(whole, 12) || !digits(decimals, 3) {
        return None;
    }
    let thousandths: u128 = format!("{decimals:0<3}").parse().ok()?;
    let number = whole.parse::<u128>().ok()? * 1_000 + thousandths;
    // A part of a thousandth is nothing that could be given.
    let milli = (number * milli_per_unit) / 1_000;
    (milli > 0).then_some(Quantity { milli })
}

impl fmt::Display for Quantity {
    /// In the largest unit that is exact.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, shift) in [("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10)] {
            let per_unit: u128 = 1_000 << shift;
            if self.milli.is_multiple_of(per_unit) {
                return write!(f, "{}{unit}", self.milli / per_unit);
            }
        }
        if self.milli.is_multiple_of(1_000) {
            write!(f, "{}", self.milli / 1_000)
        } else {
            write!(f, "{}m", self.milli)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_compared_exactly_whatever_their_units() {
        let quantity = |text: &str| text.parse::<Quantity>().unwrap();
        assert_eq!(quantity("1"), quantity("1000m"));
        assert_eq!(quantity("0.5"), quantity("500m"));
        assert_eq!(quantity("1Gi"), quantity("1024Mi"));
        assert_eq!(quantity("1.5Gi"), quantity("1536Mi"));
        assert!(quantity("1G") < quantity("1Gi"));
        assert!(quantity("999999999999Ti") > quantity("1T"));
        assert_eq!(quantity("2048Mi").to_string(), "2Gi");
        assert_eq!(quantity("1500m").to_string(), "1500m");
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in [
            "",
            "0",
            "0.0001",
            "-1",
            "+1",
            "1e3",
            "1Ei",
            "1gb",
            "Gi",
            ".5",
            "1.",
            "1.2345",
            "1 Gi",
            "1000000000000",
            "٣",
        ] {
            assert!(text.parse::<Quantity>().is_err(), "{text}");
        }
    }
}
