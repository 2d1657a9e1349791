//! Accounts, for administrators.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use launchpad_domain::{Problems, Role};
use launchpad_services::ServiceError;
use serde::Deserialize;

use super::frame::{Frame, drawn};
use crate::Site;
use crate::error::WebError;
use crate::input::FormBody;
use crate::said::Said;
use crate::views::{Page, UsersPage};
use crate::visitor::SignedIn;

/// The form for a new account.
#[derive(Deserialize)]
pub(super) struct UserForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    password: String,
}

/// `GET /admin/users`.
pub(super) async fn page(State(site): State<Site>, Frame(frame): Frame) -> Result<Html<String>, WebError> {
    drawn(&users_page(&site, frame, "", Role::User, Problems::none()).await?)
}

/// `POST /admin/users`.
pub(super) async fn create(
    State(site): State<Site>,
    caller: SignedIn,
    Frame(frame): Frame,
    FormBody(form): FormBody<UserForm>,
) -> Result<Response, WebError> {
    let role = form.role.parse::<Role>();
    let made = match &role {
        Ok(role) => {
            let accounts = &site.services.accounts;
            accounts
                .create(&caller.actor, &form.name, *role, Some(&form.password))
                .await
        }
        Err(message) => Err(Problems::one("role", message.clone()).into()),
    };
    let problems = match made {
        Ok(_) => return Ok(Said::UserCreated.at(&site, "/admin/users")),
        Err(ServiceError::Invalid(problems)) => problems,
        Err(ServiceError::Taken(_)) => Problems::one("name", "is taken"),
        Err(error) => return Err(error.into()),
    };
    let page = users_page(&site, frame, &form.name, role.unwrap_or(Role::User), problems).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, drawn(&page)?).into_response())
}

/// `POST /admin/users/{name}/disable`: everybody but oneself.
pub(super) async fn disable(
    State(site): State<Site>,
    caller: SignedIn,
    Path(name): Path<String>,
) -> Result<Response, WebError> {
    if name.eq_ignore_ascii_case(caller.viewer.name.as_str()) {
        let message = "is your own account, which another administrator can disable";
        return Err(Problems::one("name", message).into());
    }
    site.services.accounts.disable(&caller.actor, &name).await?;
    Ok(Said::UserDisabled.at(&site, "/admin/users"))
}

async fn users_page(
    site: &Site,
    frame: Page,
    name: &str,
    role: Role,
    problems: Problems,
) -> Result<UsersPage, WebError> {
    let accounts = site.services.accounts.list().await?;
    Ok(UsersPage::new(frame, &accounts, name, role, problems))
}
