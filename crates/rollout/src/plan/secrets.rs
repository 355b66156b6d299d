//! The secrets of a plan: whatever its steps will need is looked for in the first of them.

use std::path::Path;

use crate::{Action, Command, MigrationOrder, SecretNeed, Step, SyntheticOrder, ValueSource};

/// Tells the pre-flight which references to secrets the other steps need.
pub(super) fn look_first(steps: &mut [Step]) {
    let mut needs: Vec<SecretNeed> = Vec::new();
    // A migration has the variables of its release, which is the better name for who needs them.
    for step in steps.iter() {
        if let Action::Start(launch) = &step.action {
            let owner = format!("release {}", launch.release);
            note(&mut needs, &owner, &launch.command);
        }
    }
    for step in steps.iter() {
        match &step.action {
            Action::Migrate(MigrationOrder::Command(migration)) => {
                note(&mut needs, "the migration", &migration.command);
            }
            Action::Gate(gate) => {
                for figure in gate.figures.iter().chain(&gate.stable_figures) {
                    for (what, text) in figure.secrets() {
                        let owner = format!("{what} of metric {}", figure.name);
                        note_one(&mut needs, owner, text, &figure.folder);
                    }
                }
                note_synthetic(&mut needs, gate.synthetic.as_ref());
            }
            Action::Hook(order) => {
                note(&mut needs, &format!("hook {}", order.name), &order.command)
            }
            _ => {}
        }
    }
    for step in steps {
        if let Action::Preflight(order) = &mut step.action {
            order.secrets = needs;
            return;
        }
    }
}

fn note(needs: &mut Vec<SecretNeed>, owner: &str, command: &Command) {
    for (name, value) in &command.env {
        let needed_by = format!("the variable {name} of {owner}");
        note_one(needs, needed_by, value, &command.folder);
    }
}

fn note_synthetic(needs: &mut Vec<SecretNeed>, order: Option<&SyntheticOrder>) {
    let Some(order) = order else { return };
    for question in &order.questions {
        for (name, value) in &question.headers {
            let owner = format!("the header {name} of a synthetic request");
            note_one(needs, owner, value, &order.folder);
        }
    }
}

fn note_one(needs: &mut Vec<SecretNeed>, needed_by: String, value: &str, folder: &Path) {
    let known = |need: &SecretNeed| need.reference == *value && need.folder == folder;
    if ValueSource::of(value).is_reference() && !needs.iter().any(known) {
        needs.push(SecretNeed {
            needed_by,
            reference: value.to_owned(),
            folder: folder.to_owned(),
        });
    }
}
