//! The command line.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::commands::{
    self, AppCommand, AuditCommand, BackupOptions, DbCommand, ImportOptions, MigrateCommand, PluginCommand,
    RestoreOptions, TokenCommand, UserCommand,
};
use crate::config::{self, Config, Overrides};
use crate::error::ServerError;
use crate::serve;
use crate::wiring::Surroundings;

/// One portal to every tool of an organisation.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Examples:\n  launchpad serve --seed examples/apps.json\n  launchpad user add ada --role admin\n  \
                  launchpad token create --user ada --expires 30d\n  launchpad backup /srv/backups\n  launchpad config\n\n\
                  Exit status: 0 done, 1 failed, 2 wrong usage or configuration."
)]
struct Cli {
    /// The file of settings; launchpad.toml, if there is one, unless set
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A file for SQLite, or a postgres:// URL
    #[arg(long, global = true, value_name = "PATH|URL")]
    db: Option<String>,
    #[command(flatten)]
    serve: ServeOptions,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Args)]
struct ServeOptions {
    /// Fills an empty catalogue from this JSON file, once
    #[arg(long, value_name = "FILE")]
    seed: Option<String>,
    /// The port to listen on
    #[arg(long)]
    port: Option<String>,
    /// Begin with an empty database where there was one, and it is gone
    #[arg(long)]
    init: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the portal (the default)
    Serve(ServeOptions),
    /// Show every setting, its value and where it was set
    Config {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Look at everything that the server and authors of plugins need, and say what mends what is wrong
    Doctor {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Write the catalogue as JSON, to a file or to standard output
    Export {
        /// Where to
        file: Option<PathBuf>,
    },
    /// Add and change apps from a file, all or none of them
    Import(ImportOptions),
    /// List apps that were deleted, and put them back
    #[command(subcommand)]
    App(AppCommand),
    /// Write a launch type: check, test, call, inspect and pack it
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Copy the database to a folder while it is in use, or verify the copies there
    #[command(args_conflicts_with_subcommands = true)]
    Backup(BackupOptions),
    /// Put a backup in the place of the database; what is there is kept beside it
    Restore(RestoreOptions),
    /// Prove that the audit log is what was written
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Move the data to another database
    #[command(subcommand)]
    Db(DbCommand),
    /// Show the schema's migrations, or bring the schema up to date
    #[command(subcommand)]
    Migrate(MigrateCommand),
    /// Add, list, disable and forget accounts, set passwords
    #[command(subcommand)]
    User(UserCommand),
    /// Create, list and revoke API tokens
    #[command(subcommand)]
    Token(TokenCommand),
}

/// Runs the program.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse_from(std::env::args_os().map(published_spelling));
    let environment: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    match execute(cli, &environment) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read has seen enough, as `head` has.
        Err(ServerError::Io(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error is all there is to tell it to; if that is closed, the exit status still says it.
            let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("launchpad: {error}\n"));
            error.exit_code()
        }
    }
}

/// `-seed FILE` was published before `--seed FILE`.
fn published_spelling(argument: OsString) -> OsString {
    if argument == "-seed" {
        "--seed".into()
    } else {
        argument
    }
}

fn execute(cli: Cli, environment: &[(OsString, OsString)]) -> Result<(), ServerError> {
    let mut overrides = Overrides {
        file: cli.config,
        settings: Vec::new(),
    };
    overrides
        .settings
        .extend(cli.db.map(|text| (config::DB, "--db", text)));
    let command = cli.command.unwrap_or(Command::Serve(cli.serve));
    if let Command::Serve(options) = &command {
        let ServeOptions { seed, port, .. } = options;
        overrides
            .settings
            .extend(seed.clone().map(|text| (config::SEED, "--seed", text)));
        overrides
            .settings
            .extend(port.clone().map(|text| (config::PORT, "--port", text)));
    }
    if let Command::Config { json } = command {
        return commands::show_config(&overrides, environment, json);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(launchpad_plugin_host::SCRIPT_STACK)
        .build()?;
    match command {
        Command::Doctor { json } => {
            return runtime.block_on(commands::doctor(&overrides, environment, json));
        }
        Command::Plugin(command) => {
            return runtime.block_on(commands::plugin(command, &overrides, environment));
        }
        _ => {}
    }
    let config = Config::load(&overrides, environment)?;
    let surroundings = Surroundings::of(environment);
    runtime.block_on(async {
        match command {
            Command::Serve(options) => serve::run(config, &surroundings, options.init).await,
            Command::Export { file } => commands::export(&config, &surroundings, file.as_deref()).await,
            Command::Import(options) => commands::import(&config, &surroundings, options).await,
            Command::App(command) => commands::app(&config, &surroundings, command).await,
            Command::Backup(options) => commands::backup(&config, options).await,
            Command::Restore(options) => commands::restore(&config, options).await,
            Command::Audit(command) => commands::audit(&config, command).await,
            Command::Db(command) => commands::db(&config, command).await,
            Command::Migrate(command) => commands::migrate(&config, command).await,
            Command::User(command) => commands::user(&config, command).await,
            Command::Token(command) => commands::token(&config, command).await,
            Command::Config { .. } | Command::Doctor { .. } | Command::Plugin(_) => Ok(()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn both_spellings_of_seed_are_read_with_and_without_serve() {
        for words in [
            vec!["launchpad", "-seed", "a.json"],
            vec!["launchpad", "--seed", "a.json"],
        ] {
            let cli = Cli::parse_from(words.into_iter().map(|word| published_spelling(word.into())));
            assert_eq!(cli.serve.seed.as_deref(), Some("a.json"));
        }
        let cli = Cli::parse_from(["launchpad", "serve", "--seed", "a.json"]);
        assert!(matches!(
            cli.command,
            Some(Command::Serve(ServeOptions { seed: Some(_), .. }))
        ));
    }
}
