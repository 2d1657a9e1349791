//! The organisation's colours as a stylesheet, made readable in both themes.

use std::fmt;

use launchpad_domain::Branding;

/// `/branding.css`: the two colours as they were given, and accents made from them that text can be read in.
///
/// The accent of the light theme is the first colour, darkened as far as it needs; that of the dark theme the
/// second, lightened. Each then reaches 4.5:1 (WCAG 2.2, 1.4.3) on every surface it stands on and under the
/// text that stands on it.
#[derive(Debug)]
pub(crate) struct BrandingCss<'a>(pub(crate) &'a Branding);

impl fmt::Display for BrandingCss<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (primary, secondary) = (
            Colour::parse(&self.0.primary_color),
            Colour::parse(&self.0.secondary_color),
        );
        let (light, light_tint) = LIGHT.accent(primary);
        let (dark, dark_tint) = DARK.accent(secondary);
        write!(
            f,
            ":root{{--brand:{primary};--brand-2:{secondary};\
             --accent-light:{light};--accent-dark:{dark};\
             --tint-light:{light_tint};--tint-dark:{dark_tint}}}"
        )
    }
}

/// Least contrast of text.
const READABLE: f64 = 4.6;

/// The surfaces of a theme, as `app.css` has them.
struct Surfaces {
    /// The one on which an accent is hardest to read.
    hardest: Colour,
    /// What cards stand on; the tint is mixed into it.
    card: Colour,
    /// Where an accent moves to become readable.
    towards: Colour,
}

const LIGHT: Surfaces = Surfaces {
    hardest: Colour([0xf6, 0xf7, 0xf8]),
    card: Colour([0xff, 0xff, 0xff]),
    towards: Colour([0x00, 0x00, 0x00]),
};

const DARK: Surfaces = Surfaces {
    hardest: Colour([0x21, 0x26, 0x2a]),
    card: Colour([0x1a, 0x1e, 0x21]),
    towards: Colour([0xff, 0xff, 0xff]),
};

impl Surfaces {
    /// The readable accent nearest to `wanted`, and the tint that belongs to it.
    fn accent(&self, wanted: Colour) -> (Colour, Colour) {
        let mut found = (self.towards, self.card);
        for percent in (0..=100_u16).rev() {
            let accent = wanted.mix(self.towards, percent);
            let tint = self.card.mix(accent, 12);
            if accent.contrast(self.hardest) < READABLE || accent.contrast(tint) < READABLE {
                break;
            }
            found = (accent, tint);
        }
        found
    }
}

/// A colour in sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Colour([u8; 3]);

impl Colour {
    /// Reads `#RRGGBB`, which [`Branding`] has checked; anything else is black.
    fn parse(text: &str) -> Self {
        let value = u32::from_str_radix(text.trim_start_matches('#'), 16).unwrap_or_default();
        let [_, red, green, blue] = value.to_be_bytes();
        Self([red, green, blue])
    }

    /// This colour with `percent` of another.
    fn mix(self, other: Self, percent: u16) -> Self {
        let mut mixed = [0_u8; 3];
        for (place, (a, b)) in mixed.iter_mut().zip(self.0.into_iter().zip(other.0)) {
            let sum = u16::from(a) * (100 - percent) + u16::from(b) * percent;
            *place = u8::try_from((sum + 50) / 100).unwrap_or(u8::MAX);
        }
        Self(mixed)
    }

    /// Contrast ratio (WCAG 2.2), 1 to 21.
    fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_colour_becomes_readable_in_both_themes() {
        let channels = [0x00, 0x33, 0x66, 0x99, 0xcc, 0xff];
        for red in channels {
            for green in channels {
                for blue in channels {
                    let wanted = Colour([red, green, blue]);
                    for surfaces in [&LIGHT, &DARK] {
                        let (accent, tint) = surfaces.accent(wanted);
                        assert!(accent.contrast(surfaces.hardest) >= 4.5, "{wanted}");
                        assert!(accent.contrast(tint) >= 4.5, "{wanted}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_readable_colour_stays_as_it_is() {
        assert_eq!(LIGHT.accent(Colour::parse("#1F6F7B")).0, Colour::parse("#1f6f7b"));
    }

    #[test]
    fn the_colours_are_in_the_stylesheet() {
        let branding = Branding::parse("", "#398D9B", "#4AB7C3", "Acme").unwrap();
        let css = BrandingCss(&branding).to_string();
        assert!(
            css.starts_with(":root{--brand:#398d9b;--brand-2:#4ab7c3;"),
            "{css}"
        );
    }
}
