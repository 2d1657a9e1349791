//! The sign of an app: a picture where one may be loaded, else a few characters, else its first letter.

use launchpad_domain::Branding;

/// How an app is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Icon {
    /// A picture from this portal, or from where the organisation's logo lies.
    Picture(String),
    /// A few characters that the administrator chose.
    Sign(String),
    /// The name's first letter on one of eight colours.
    Letter(String, u8),
}

impl Icon {
    /// The icon of an app. The content security policy lets no picture of another host through, so an app that
    /// names one gets its letter instead of a broken picture.
    pub(super) fn of(icon: &str, name: &str, branding: &Branding) -> Self {
        if icon.is_empty() {
            return Self::letter(name);
        }
        if icon.starts_with('/') {
            return Self::Picture(icon.to_owned());
        }
        let is_address = icon.starts_with("http://") || icon.starts_with("https://");
        if !is_address {
            return Self::Sign(icon.to_owned());
        }
        match branding.logo_origin() {
            Some(origin)
                if icon
                    .strip_prefix(&origin)
                    .is_some_and(|rest| rest.starts_with('/')) =>
            {
                Self::Picture(icon.to_owned())
            }
            _ => Self::letter(name),
        }
    }

    /// The letter of a name.
    pub(super) fn letter(name: &str) -> Self {
        let first = name.chars().find(|c| c.is_alphanumeric()).unwrap_or('?');
        let hue = name
            .bytes()
            .fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte))
            % 8;
        Self::Letter(first.to_uppercase().collect(), hue)
    }
}
