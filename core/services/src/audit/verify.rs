//! Whether the audit log is what was written.

use launchpad_domain::InstanceId;
use launchpad_store::{AuditKey, ChainReport, Store};

use super::{Checkpoint, CheckpointError, CheckpointKind, Checkpoints};

/// What was found.
#[derive(Debug)]
pub struct AuditReport {
    /// The rows.
    pub chain: ChainReport,
    /// Signed lines from outside that were held against them.
    pub checkpoints: usize,
    /// Everything that is wrong.
    pub problems: Vec<String>,
}

/// Reads the whole log and holds it against the key and the checkpoints. With `is_current`, nothing may follow the rows
/// of this key; another key's part of the log may be verified too.
pub async fn verify(
    store: &Store,
    key: &AuditKey,
    checkpoints: &Checkpoints,
    is_current: bool,
) -> Result<AuditReport, CheckpointError> {
    let mut problems = Vec::new();
    let lines = if is_current {
        trusted(key, store.instance(), checkpoints.read()?, &mut problems)?
    } else {
        Vec::new()
    };
    let pruned = store.pruned(key).await?.into_iter().chain(pruned(&lines));
    let pruned = pruned.max_by_key(|link| link.id);
    let mut chain = store.verify_chain(key, &known(&lines), pruned.as_ref()).await?;
    problems.append(&mut chain.problems);
    if is_current && chain.after > 0 {
        problems.push(format!(
            "{} rows at the end were not signed with this key",
            chain.after
        ));
    }
    if is_current && chain.signed == 0 && chain.before > 0 {
        problems.push("no row was signed with this key".to_owned());
    }
    Ok(AuditReport {
        chain,
        checkpoints: lines.len(),
        problems,
    })
}

/// The lines about this database that this key signed, since the log last became another.
fn trusted(
    key: &AuditKey,
    instance: InstanceId,
    lines: Vec<Result<Checkpoint, usize>>,
    problems: &mut Vec<String>,
) -> Result<Vec<Checkpoint>, CheckpointError> {
    let mut trusted: Vec<Checkpoint> = Vec::new();
    let (mut foreign, mut elsewhere) = (0, 0);
    for line in lines {
        match line {
            Ok(line) if line.instance != instance => elsewhere += 1,
            Ok(line) if line.is_signed_with(key)? => {
                if line.kind == CheckpointKind::Restart {
                    trusted.clear();
                    foreign = 0;
                }
                trusted.push(line);
            }
            Ok(_) => foreign += 1,
            // A line that a power cut tore can only be the last of its writer; the log itself says more.
            Err(number) => problems.push(format!("line {number} of the checkpoints is none of ours")),
        }
    }
    if foreign > 0 {
        problems.push(format!(
            "{foreign} lines of the checkpoints were not signed with this key"
        ));
    }
    // A restore says so in a line of its own; whoever gives the database another id gets rid of what is known of it.
    if trusted.is_empty() && elsewhere > 0 {
        problems.push(format!(
            "{elsewhere} lines of the checkpoints are about other databases, and none is about this one"
        ));
    }
    Ok(trusted)
}

fn known(lines: &[Checkpoint]) -> Vec<launchpad_store::ChainLink> {
    let rows = lines
        .iter()
        .filter(|line| line.id > 0 && line.kind != CheckpointKind::Pruned);
    rows.map(Checkpoint::link).collect()
}

/// Up to where rows were deleted by policy.
fn pruned(lines: &[Checkpoint]) -> Option<launchpad_store::ChainLink> {
    let rows = lines.iter().filter(|line| line.kind == CheckpointKind::Pruned);
    rows.max_by_key(|line| line.id).map(Checkpoint::link)
}
