//! Migrations that go wrong in every way, and Portcullis dying under one that goes right.

use crate::rig::Rig;

/// A rig whose release 1.1 migrates the copy of the rehearsal well, and the live data as `live` says. The
/// shell script finds the real program as `$0.real`.
fn migrating(live: &str) -> Rig {
    let rig = Rig::serving("none");
    rig.replace_program(
        "1.1",
        &format!(
            "case \"$*\" in migrate*/rehearsals/*|serve*|check*) exec \"$0.real\" \"$@\";; esac\n\
             echo ran >> migrations.txt\n{live}\n"
        ),
    );
    rig
}

fn runs(rig: &Rig) -> usize {
    let text = std::fs::read_to_string(rig.path("migrations.txt")).unwrap_or_default();
    text.lines().count()
}

#[test]
fn a_migration_goes_on_writing_when_portcullis_is_killed_under_it() {
    let mut rig = migrating(
        "echo a line for nobody; sleep 1; echo another; echo and more >&2; exec \"$0.real\" \"$@\"",
    );
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1"]);
    rig.until("the live data is being migrated", |rig| runs(rig) == 1);
    rig.kill();
    rig.start();
    rig.until("it is over", |rig| rig.state_of("dhash-2") == "promoted");
    users.stop();
    assert_eq!(runs(&rig), 1, "the migration ran twice");
}
