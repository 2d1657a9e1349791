//! What may not be in a page is not, what must be is.

mod figures;
mod samples;

use askama::Template;
use launchpad_domain::{App, Branding, Preferences};

use super::*;
use samples::{app, apps, page, pages, sessions, types};

/// The values of an attribute, wherever it stands.
fn values<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    let start = format!(" {attribute}=\"");
    html.split(start.as_str())
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect()
}

#[test]
fn nothing_is_inline_and_nothing_breaks_out() {
    for (name, html) in pages() {
        for forbidden in [
            "<style",
            " style=",
            "javascript:",
            "alert(1)</",
            " onclick=\"",
            " onload=",
            "hx-on",
        ] {
            assert!(!html.contains(forbidden), "{forbidden} in {name}");
        }
        for script in html.split("<script").skip(1) {
            assert!(script.contains(" src=\"/static/"), "an inline script in {name}");
        }
    }
}

#[test]
fn every_page_has_what_readers_go_by() {
    for (name, html) in pages() {
        for once in ["<h1", "<main", "<html lang=\"en\""] {
            assert_eq!(html.matches(once).count(), 1, "{once} in {name}");
        }
        // Shapes of a drawing have titles too.
        let (before, _) = html.split_once("<body").unwrap();
        assert_eq!(before.matches("<title>").count(), 1, "the title of {name}");
        let mut ids = values(&html, "id");
        ids.sort_unstable();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all, "an id twice in {name}");
        let pointers = ["for", "aria-describedby", "aria-labelledby", "aria-controls"];
        for pointed in pointers.iter().flat_map(|pointer| values(&html, pointer)) {
            for id in pointed.split_whitespace() {
                assert!(ids.contains(&id), "{name} points to {id}, which is not there");
            }
        }
        for jump in values(&html, "href")
            .iter()
            .filter_map(|href| href.strip_prefix('#'))
        {
            assert!(ids.contains(&jump), "{name} jumps to {jump}, which is not there");
        }
    }
}

#[test]
fn every_file_that_a_page_names_is_there_with_its_version() {
    for (name, html) in pages() {
        let addresses = values(&html, "src").into_iter().chain(values(&html, "href"));
        for address in addresses.filter_map(|address| address.strip_prefix("/static/")) {
            let (file, version) = address.split_once("?v=").unwrap_or((address, ""));
            let asset = Asset::find(file).unwrap_or_else(|| panic!("{name} names {file}"));
            assert_eq!(asset.version, version, "{file} in {name}");
        }
    }
    assert!(
        Asset::find("vendor/novnc/core/rfb.js").is_some(),
        "which viewer.js imports"
    );
    assert!(Asset::find("vendor/package.json").is_none(), "no page needs it");
}

#[test]
fn a_problem_stands_at_its_field_and_in_the_summary() {
    let pages = pages();
    let (_, html) = pages.iter().find(|(name, _)| *name == "admin-app-wrong").unwrap();
    assert!(html.contains("aria-invalid=\"true\" aria-describedby=\"h-url e-url\""));
    assert!(html.contains("<a href=\"#f-settings\">Settings: must not be"));
    assert!(html.contains("id=\"e-settings\">settings.memory Must not be"));
    assert!(html.contains("removed-type (not installed)"));
    assert!(html.contains("name=\"revision\" value=\"r1\""));
}

#[test]
fn two_hundred_apps_are_at_most_sixty_kilobytes() {
    let types = types();
    let many: Vec<App> = (0..200)
        .map(|n| {
            app(
                &format!("app-{n}"),
                &format!("Application {n}"),
                &format!("Category {}", n / 20),
                "container",
            )
        })
        .collect();
    let html = CataloguePage::new(page(), &many, &types, &[], &Preferences::default(), "", &[])
        .render()
        .unwrap();
    assert!(html.len() <= 60 * 1024, "{} bytes", html.len());
}

#[test]
fn a_fragment_is_a_part_of_its_page() {
    let (apps, types, sessions) = (apps(), types(), sessions());
    let catalogue = CataloguePage::new(page(), &apps, &types, &sessions, &Preferences::default(), "", &[]);
    let list = SessionsPage::new(page(), &sessions, &apps);
    let session = SessionPage::new(page(), &sessions[1], None);
    let parts = [
        (
            catalogue.render().unwrap(),
            catalogue.as_results().render().unwrap(),
        ),
        (list.render().unwrap(), list.as_list().render().unwrap()),
        (session.render().unwrap(), session.as_progress().render().unwrap()),
    ];
    for (page, part) in parts {
        assert!(!part.contains("<html") && page.contains(part.trim()), "{part}");
    }
}

#[test]
fn a_picture_of_another_host_becomes_a_letter() {
    let mut elsewhere = app("a", "Elsewhere", "", "url");
    elsewhere.icon = "https://logo.example.evil/x.png".to_owned();
    let mut beside = elsewhere.clone();
    beside.icon = "https://logo.example/x.png".to_owned();
    let branding = Branding::parse("https://logo.example/l.svg", "#000000", "#ffffff", "Acme").unwrap();
    let page = Page::new(branding, None, None, false);
    let html = |app: &App| AppPage::new(page.clone(), app, &types()).render().unwrap();
    assert!(!html(&elsewhere).contains("evil"));
    assert!(html(&beside).contains("src=\"https://logo.example/x.png\""));
}
