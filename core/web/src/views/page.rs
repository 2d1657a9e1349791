//! What every page has around its content.

use launchpad_domain::{Branding, Theme, Viewer};

/// The frame of a page: whose portal, who looks, in which colours, where in the navigation.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    /// The organisation's name, logo and colours.
    pub(crate) branding: Branding,
    /// Who is signed in, if anybody is.
    pub(crate) viewer: Option<PageViewer>,
    /// The theme of the account; `None`: the browser's choice counts.
    pub(crate) theme: Option<Theme>,
    /// What the page is called, without the organisation's name.
    pub(crate) title: String,
    /// The path of the navigation's current entry: `/`, `/sessions`, `/admin/apps`, ...
    pub(crate) path: &'static str,
    /// Whether passwords travel unprotected here, which every page then says.
    pub(crate) insecure_warning: bool,
    /// What the form did that led here, in a sentence; empty: no form did.
    pub(crate) said: &'static str,
}

/// The viewer as pages speak of them.
#[derive(Debug, Clone)]
pub(crate) struct PageViewer {
    /// The sign-in name.
    pub(crate) name: String,
    /// Whether the pages of administrators are offered.
    pub(crate) is_admin: bool,
}

impl From<&Viewer> for PageViewer {
    fn from(viewer: &Viewer) -> Self {
        Self {
            name: viewer.name.to_string(),
            is_admin: viewer.is_admin(),
        }
    }
}

impl Page {
    /// The frame of a request; each page's constructor puts its own title and path in.
    pub(crate) fn new(
        branding: Branding,
        viewer: Option<&Viewer>,
        theme: Option<Theme>,
        insecure_warning: bool,
    ) -> Self {
        Self {
            branding,
            viewer: viewer.map(PageViewer::from),
            theme,
            title: String::new(),
            path: "",
            insecure_warning,
            said: "",
        }
    }

    /// The same frame, saying what a form did.
    #[must_use]
    pub(crate) fn saying(mut self, sentence: &'static str) -> Self {
        self.said = sentence;
        self
    }

    /// The same frame for this page.
    #[must_use]
    pub(super) fn named(mut self, title: impl Into<String>, path: &'static str) -> Self {
        self.title = title.into();
        self.path = path;
        self
    }

    /// Where the organisation's colours lie; another address whenever they change.
    pub(super) fn branding_css(&self) -> String {
        let plain = |colour: &str| colour.trim_start_matches('#').to_ascii_lowercase();
        format!(
            "/branding.css?v={}-{}",
            plain(&self.branding.primary_color),
            plain(&self.branding.secondary_color)
        )
    }

    /// Whether this is the navigation's current entry, or lies below it.
    pub(super) fn is_at(&self, path: &str) -> bool {
        self.path == path || (path == "/admin" && self.path.starts_with("/admin"))
    }

    /// Whether an administrator looks.
    pub(super) fn is_admin(&self) -> bool {
        self.viewer.as_ref().is_some_and(|viewer| viewer.is_admin)
    }
}
