//! Somebody who talks to a portal: a browser with its cookie, a script with its token, or a stranger.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use chrono::{DateTime, Utc};
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderMap, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Method, RequestBuilder, StatusCode, redirect};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::PATIENCE;
use crate::screen::Screen;

/// One visitor of one portal. Redirects are answers here, never followed.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
    cookie: Option<String>,
}

/// What the portal answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub body: String,
}

/// A session as the API tells it; members that no test needs are left out.
#[derive(Debug, Clone, Deserialize)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// Which app it runs.
    pub app_id: String,
    /// creating, running, stopped, expired or failed.
    pub status: String,
    /// How far creating has come.
    pub stage: Option<String>,
    /// Why it failed.
    pub reason: Option<Value>,
    /// Where its screen is, once it runs.
    pub websocket_url: Option<String>,
    /// Where the way to its pages begins, once it runs and serves any.
    pub open_url: Option<String>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Answer {
    /// Where the answer leads to.
    pub fn location(&self) -> Option<&str> {
        self.headers.get(LOCATION)?.to_str().ok()
    }

    /// The body as JSON.
    pub fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_str(&self.body).with_context(|| format!("not JSON: {}", self.body))
    }

    /// The answer itself if it has this status, else an error with all of it.
    pub fn expect(self, status: u16) -> anyhow::Result<Self> {
        ensure!(
            self.status.as_u16() == status,
            "{} instead of {status}: {}",
            self.status,
            self.body
        );
        Ok(self)
    }
}

impl Client {
    pub(crate) fn new(base: &str) -> anyhow::Result<Self> {
        crate::choose_tls();
        let http = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self {
            http,
            base: base.to_owned(),
            token: None,
            cookie: None,
        })
    }

    /// Somebody with this token.
    pub fn with_token(base: &str, token: &str) -> anyhow::Result<Self> {
        Ok(Self {
            token: Some(token.to_owned()),
            ..Self::new(base)?
        })
    }

    /// The cookie of a visitor who has signed in, as a request carries it.
    pub fn cookie(&self) -> Option<&str> {
        self.cookie.as_deref()
    }

    /// The token of a script.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.base))
            .timeout(PATIENCE);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie).header(ORIGIN, &self.base);
        }
        request
    }

    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Answer> {
        let response = request.send().await?;
        Ok(Answer {
            status: response.status(),
            headers: response.headers().clone(),
            body: response.text().await?,
        })
    }

    /// Any request, exactly as it is given; only the credential is added.
    pub async fn exactly(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> anyhow::Result<Answer> {
        let mut request = self.request(method, path).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request).await
    }

    /// GET.
    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(self.request(Method::GET, path)).await
    }

    /// Any method with a JSON body.
    pub async fn send_json(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.send(self.request(method, path).json(body)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// Sends a form as the portal's own pages do, and keeps the sign-in that the answer may set.
    pub async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> anyhow::Result<Answer> {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let request = self
            .request(Method::POST, path)
            .header(ORIGIN, &self.base)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        let answer = self.send(request).await?;
        for cookie in answer.headers.get_all(SET_COOKIE) {
            let pair = cookie.to_str()?.split(';').next().unwrap_or_default();
            // The other cookie holds what the next page says.
            if !pair.contains("launchpad-said=") {
                self.cookie = Some(pair.to_owned());
            }
        }
        Ok(answer)
    }

    /// Launches an app; the answer must be a session.
    pub async fn launch(&self, app: &str) -> anyhow::Result<Session> {
        let answer = self
            .send_json(Method::POST, "/api/sessions", &json!({ "app_id": app }))
            .await?;
        Ok(serde_json::from_str(&answer.expect(201)?.body)?)
    }

    /// One of the viewer's sessions as it is now.
    pub async fn session(&self, id: &str) -> anyhow::Result<Session> {
        let answer = self.get(&format!("/api/sessions/{id}")).await?.expect(200)?;
        Ok(serde_json::from_str(&answer.body)?)
    }

    /// Waits until the session has this status; an error if it reaches another one that is final.
    pub async fn until(&self, id: &str, status: &str) -> anyhow::Result<Session> {
        self.until_within(id, status, PATIENCE).await
    }

    /// The same, for what takes longer than anything that happens by itself.
    pub async fn until_within(&self, id: &str, status: &str, patience: Duration) -> anyhow::Result<Session> {
        let deadline = Instant::now() + patience;
        loop {
            let session = self.session(id).await?;
            if session.status == status {
                return Ok(session);
            }
            let is_final = !matches!(session.status.as_str(), "creating" | "running");
            if is_final || Instant::now() > deadline {
                bail!("waited for {status}, but the session is {session:?}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ends a session.
    pub async fn end(&self, id: &str) -> anyhow::Result<()> {
        self.delete(&format!("/api/sessions/{id}")).await?.expect(204)?;
        Ok(())
    }

    /// Opens the session's screen through the portal.
    pub async fn screen(&self, session: &Session) -> anyhow::Result<Screen> {
        let path = session
            .websocket_url
            .as_deref()
            .context("the session has no screen yet")?;
        Screen::open(&self.base, path, self.token.as_deref()).await
    }
}
