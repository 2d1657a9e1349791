//! `launchpad plugin new`.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use launchpad_domain::LaunchTypeId;
use launchpad_plugin_host::author::definitions;

use super::templates::Language;
use super::{say, unfit};
use crate::error::ServerError;

/// The name of every template, for which the new one stands afterwards.
const TEMPLATE: &str = "my-plugin";

/// What is made.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The plugin's id, which names its folder too: a-z, 0-9 and -, beginning with a letter
    #[arg(value_parser = parse_name)]
    name: LaunchTypeId,
    /// What it is written in
    #[arg(long, value_enum, default_value = "rhai")]
    lang: Language,
    /// Where its folder is made
    #[arg(long, value_name = "DIR", default_value = ".")]
    r#in: PathBuf,
}

/// Writes a working plugin, and says what to do with it.
pub(super) fn run(options: &Options) -> Result<(), ServerError> {
    let folder = options.r#in.join(options.name.as_str());
    // Made here and not looked for before: what another process makes meanwhile is not written into.
    fs::create_dir(&folder).map_err(|error| unfit(&folder, format_args!("cannot be made: {error}")))?;
    for (name, text) in options.lang.files() {
        write(&folder, name, text, &options.name)
            .map_err(|error| unfit(&folder.join(name), format_args!("cannot be written: {error}")))?;
    }
    if options.lang == Language::Rhai {
        write(&folder, "launchpad.d.rhai", &definitions(), &options.name)
            .map_err(|error| unfit(&folder, format_args!("cannot be written: {error}")))?;
    }
    let shown = folder.strip_prefix(".").unwrap_or(&folder).display().to_string();
    say(format_args!("made {shown}; next:"))?;
    next(options.lang, &shown)
        .iter()
        .try_for_each(|command| say(format_args!("  {command}")))
}

/// Three commands: the build where there is one, and the way to a running plugin.
fn next(lang: Language, folder: &str) -> [String; 3] {
    let test = format!("launchpad plugin test {folder}");
    if lang.is_built() {
        return [
            format!("{folder}/build.sh"),
            format!("launchpad plugin check {folder}"),
            test,
        ];
    }
    [
        test,
        format!("launchpad plugin run {folder} --ctx {folder}/tests/greeting.ctx.json"),
        "LAUNCHPAD_PLUGINS__DIRS=. launchpad serve".to_owned(),
    ]
}

fn write(folder: &Path, name: &str, text: &str, id: &LaunchTypeId) -> std::io::Result<()> {
    // With its dot in this repository, it would hide files of the template itself.
    let name = if name == "gitignore" { ".gitignore" } else { name };
    let path = folder.join(name);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(&path, text.replace(TEMPLATE, id.as_str()))?;
    if name == "build.sh" {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

fn parse_name(text: &str) -> Result<LaunchTypeId, String> {
    let named = text.starts_with(|c: char| c.is_ascii_lowercase()) && !text.ends_with('-');
    text.parse().ok().filter(|_| named).ok_or_else(|| {
        "must be 2 to 40 of a-z, 0-9 and -, beginning with a letter and not ending with -".to_owned()
    })
}
