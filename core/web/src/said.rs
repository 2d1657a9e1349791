//! What a form did, said once on the page to which it leads.
//!
//! The word travels in a cookie of its own that lives a minute: the address stays clean, a page loaded again does not
//! say it again, and no script is needed. Only words of this list are ever shown.

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use axum::middleware::Next;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use cookie::{Cookie, SameSite};

use crate::Site;

macro_rules! said {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $sentence:literal;)+) => {
        /// What was done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Said { $($(#[$doc])* $name,)+ }

        impl Said {
            /// For the page.
            pub(crate) fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence,)+ }
            }

            fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$name),)+ _ => None }
            }
        }
    };
}

said! {
    /// An app is new in the catalogue.
    AppCreated = "app-created", "The app was created.";
    /// An app was changed.
    AppSaved = "app-saved", "The app was saved.";
    /// An account is new.
    UserCreated = "user-created", "The account was created.";
    /// An account was disabled.
    UserDisabled = "user-disabled", "The account was disabled, and its sign-ins and tokens with it.";
    /// The password is another.
    PasswordChanged = "password-changed", "Your password was changed. Your other sign-ins have ended.";
    /// A token is worthless now.
    TokenRevoked = "token-revoked", "The token was revoked.";
    /// A session was ended, or its launch cancelled.
    SessionEnded = "session-ended", "The session was ended.";
    /// A workspace is to go.
    WorkspaceDeleted = "workspace-deleted", "The workspace is being deleted.";
    /// The plugin folders were looked at.
    PluginsReloaded = "plugins-reloaded", "The plugin folders were read again.";
    /// A plugin is on.
    PluginEnabled = "plugin-enabled", "The plugin was switched on.";
    /// A plugin was given what was ticked.
    PluginGranted = "plugin-granted", "The plugin may do what is ticked, and nothing else.";
    /// A plugin is off.
    PluginDisabled = "plugin-disabled", "The plugin was switched off. Sessions that run are seen out.";
}

/// How long a browser that does not come keeps the word.
const KEPT: cookie::time::Duration = cookie::time::Duration::MINUTE;

impl Said {
    /// Leads the browser to a page of the portal that says it.
    pub(crate) fn at(self, site: &Site, path: &str) -> Response {
        let cookie = Cookie::build((site.address.word_cookie_name(), self.word()))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(site.address.is_guarded())
            .max_age(KEPT)
            .build();
        let cookie = AppendHeaders([(SET_COOKIE, cookie.to_string())]);
        (cookie, Redirect::to(path)).into_response()
    }

    /// What the page that this request asks for is to say.
    pub(crate) fn of(site: &Site, headers: &HeaderMap) -> Option<Self> {
        let values = headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let mut cookies = values.flat_map(Cookie::split_parse).filter_map(Result::ok);
        let cookie = cookies.find(|cookie| cookie.name() == site.address.word_cookie_name())?;
        Self::parse(cookie.value())
    }
}

/// Takes the word back once a whole page has said it.
pub(crate) async fn once(State(site): State<Site>, request: Request, next: Next) -> Response {
    let said = Said::of(&site, request.headers()).is_some() && !request.headers().contains_key("hx-request");
    let mut response = next.run(request).await;
    let is_page = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if said && is_page {
        let mut cookie = Cookie::build((site.address.word_cookie_name(), ""))
            .path("/")
            .secure(site.address.is_guarded())
            .build();
        cookie.make_removal();
        if let Ok(cookie) = cookie.to_string().parse() {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }
    response
}
