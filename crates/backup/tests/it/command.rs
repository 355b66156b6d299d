//! Stores of any tool: backed up and put back by real tools, and by scripts that lie.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use portcullis_backup::{
    BackupError, CommandVariables, Damage, Kept, Store, StoreCommands, StoreKind, Vault,
    examine_copy, store_digest,
};

use crate::killed::FOLDER_VARIABLE;

use crate::{Place, at, names, request};

mod room;

fn words(command: &[&str]) -> Vec<String> {
    command.iter().map(|word| (*word).to_owned()).collect()
}

/// A shell script: `$0` is its name.
fn shell(script: &str) -> Vec<String> {
    words(&["sh", "-c", script])
}

/// The commands of a store, with nothing but a backup and a restore.
fn commands(place: &Place, backup: Vec<String>, restore: Vec<String>) -> StoreCommands {
    commands_in(place.folder.path(), backup, restore)
}

fn commands_in(folder: &Path, backup: Vec<String>, restore: Vec<String>) -> StoreCommands {
    StoreCommands {
        backup,
        restore,
        check: None,
        size: None,
        digest: None,
        repeats: false,
        env: CommandVariables::default(),
        folder: folder.to_owned(),
        timeout: Duration::from_secs(60),
        memory: folder.join("state/stores/notes.json"),
        path: None,
        copy: None,
    }
}

/// A database of SQLite's that `sqlite3` dumps as text and reads again.
fn dumped(place: &Place) -> StoreCommands {
    let restore = "set -e; db=${PORTCULLIS_COPY:+$PORTCULLIS_COPY/}notes.db; rm -f \"$db.new\"; \
                   sqlite3 -bail \"$db.new\"; mv \"$db.new\" \"$db\"";
    let backup = "sqlite3 \"${PORTCULLIS_COPY:+$PORTCULLIS_COPY/}notes.db\" .dump";
    StoreCommands {
        check: Some(shell("sqlite3 -bail :memory:")),
        size: Some(shell("stat --format %s notes.db")),
        ..commands(place, shell(backup), shell(restore))
    }
}

fn sql(place: &Place, statements: &str) -> String {
    let output = Command::new("sqlite3")
        .arg(place.path("notes.db"))
        .arg(statements)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn problem(error: BackupError) -> String {
    assert!(matches!(error, BackupError::Command { .. }), "{error:?}");
    error.to_string()
}

#[test]
fn a_database_is_dumped_by_its_own_tool_checked_and_put_back() {
    let place = Place::new();
    sql(
        &place,
        "CREATE TABLE note (text TEXT); INSERT INTO note VALUES ('one'), ('two')",
    );
    let store = Store::command(
        "notes",
        StoreCommands {
            repeats: true,
            ..dumped(&place)
        },
    );
    assert!(store.tells_its_content());
    assert!(store.examine().unwrap().bytes >= 4096);
    let backup = place.back_up(1, std::slice::from_ref(&store));
    let held = backup.manifest.store("notes").unwrap();
    assert_eq!((held.kind, held.files.len()), (StoreKind::Command, 1));
    assert_eq!(held.digest, held.files[0].sha256);
    assert_eq!(store_digest(&store).unwrap(), held.digest);
    place.vault.verify(&backup.name).unwrap();
    let checked = place
        .vault
        .check_by_commands(&backup.name, std::slice::from_ref(&store));
    assert_eq!(checked.unwrap(), ["notes"]);
    sql(&place, "DELETE FROM note; DROP TABLE note");
    assert_ne!(store_digest(&store).unwrap(), held.digest);
    let replaced = place
        .vault
        .restore_in_place(&backup.name, &store, at(2))
        .unwrap();
    assert_eq!(
        sql(&place, "SELECT group_concat(text) FROM note"),
        "one,two"
    );
    assert_eq!(store_digest(&store).unwrap(), held.digest);
    // What was there before is what the restore command takes back.
    let Some(Kept::Output(kept)) = replaced.kept else {
        panic!("{replaced:?}");
    };
    assert!(fs::read_to_string(&kept).unwrap().contains("COMMIT"));
    assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o077, 0);
    // Without Portcullis: `data` is what the tool reads.
    let to = place.path("by-hand");
    place.vault.restore(&backup.name, "notes", &to).unwrap();
    assert_eq!(names(&to), ["data"]);
}

#[test]
fn a_copy_goes_to_its_folder_and_nowhere_else() {
    let place = Place::new();
    sql(
        &place,
        "CREATE TABLE note (text TEXT); INSERT INTO note VALUES ('one')",
    );
    let live = StoreCommands {
        repeats: true,
        ..dumped(&place)
    };
    let store = Store::command("notes", live.clone());
    let backup = place.back_up(1, std::slice::from_ref(&store));
    let held = backup.manifest.store("notes").unwrap();
    sql(&place, "INSERT INTO note VALUES ('live')");
    // A store whose commands know no copies has none.
    let error = place.vault.restore_copy(&backup.name, &store).unwrap_err();
    assert!(problem(error).contains("set copies = true"));
    let folder = place.path("scratch/notes");
    let copy = Store::command(
        "notes",
        StoreCommands {
            copy: Some(folder.clone()),
            ..live.clone()
        },
    );
    place.vault.restore_copy(&backup.name, &copy).unwrap();
    assert_eq!(names(&folder), ["notes.db"]);
    assert_eq!(examine_copy(&copy, held).unwrap().digest, held.digest);
    assert_eq!(sql(&place, "SELECT count(*) FROM note"), "2");
    // A restore command that does not heed the folder is found out, by what is not there.
    let deaf = StoreCommands {
        restore: shell("cat > elsewhere"),
        copy: Some(place.path("scratch/deaf")),
        ..live
    };
    let error = place
        .vault
        .restore_copy(&backup.name, &Store::command("notes", deaf));
    assert!(problem(error.unwrap_err()).contains("it must heed PORTCULLIS_COPY"));
    assert_eq!(names(&place.path("scratch")), ["notes"]);
}

#[test]
fn a_folder_goes_through_tar_and_its_digest_tells_what_is_in_it() {
    let place = Place::new();
    let folder = place.path("photos");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("a"), "first").unwrap();
    let base = commands(
        &place,
        words(&["tar", "--create", "--directory", "photos", "."]),
        shell(
            "set -e; rm -rf photos.new; mkdir photos.new; tar --extract --directory photos.new; \
               rm -rf photos; mv photos.new photos",
        ),
    );
    let store = Store::command(
        "photos",
        StoreCommands {
            digest: Some(shell("cd photos && cat * | sha256sum | cut -c1-64")),
            ..base
        },
    );
    let backup = place.back_up(1, std::slice::from_ref(&store));
    let held = backup.manifest.store("photos").unwrap();
    let word = held.command.as_ref().unwrap().word.clone().unwrap();
    assert_eq!(word.len(), 64);
    assert_eq!(store_digest(&store).unwrap(), held.digest);
    fs::write(folder.join("a"), "spoiled").unwrap();
    place
        .vault
        .restore_in_place(&backup.name, &store, at(2))
        .unwrap();
    assert_eq!(fs::read_to_string(folder.join("a")).unwrap(), "first");
    assert_eq!(store_digest(&store).unwrap(), held.digest);
}

#[test]
fn of_a_tool_that_cannot_tell_it_is_remembered_that_its_restore_ended_until_the_next_backup() {
    let place = Place::new();
    fs::write(place.path("live"), "first").unwrap();
    let commands = commands(&place, words(&["cat", "live"]), shell("cat > live"));
    let store = Store::command("notes", commands.clone());
    assert!(!store.tells_its_content());
    let backup = place.back_up(1, std::slice::from_ref(&store));
    let held = &backup.manifest.store("notes").unwrap().digest;
    let unknown = problem(store_digest(&store).unwrap_err());
    assert!(
        unknown.contains("nothing was put back since the last backup"),
        "{unknown}"
    );
    place
        .vault
        .restore_in_place(&backup.name, &store, at(2))
        .unwrap();
    assert_eq!(store_digest(&store).unwrap(), *held);
    // As large as it was last, where nobody can say it better.
    assert_eq!(store.size().unwrap().bytes, 5);
    // A restore that does not end is remembered too.
    let broken = StoreCommands {
        restore: shell("cat > live; exit 3"),
        ..commands
    };
    let broken = Store::command("notes", broken);
    let error = place
        .vault
        .restore_in_place(&backup.name, &broken, at(3))
        .unwrap_err();
    let error = problem(error);
    assert!(
        error.contains("exited with code 3") && error.contains("is kept as"),
        "{error}"
    );
    let unknown = problem(store_digest(&store).unwrap_err());
    assert!(
        unknown.contains("its restore command did not end when dhash_"),
        "{unknown}"
    );
    place
        .vault
        .restore_in_place(&backup.name, &store, at(3))
        .unwrap();
    assert_eq!(store_digest(&store).unwrap(), *held);
    place.back_up(4, std::slice::from_ref(&store));
    assert!(store_digest(&store).is_err());
}

#[test]
fn commands_that_lie_are_found_out() {
    let place = Place::new();
    fs::write(place.path("live"), "first").unwrap();
    let honest = commands(&place, words(&["cat", "live"]), shell("cat > live"));
    let refused = |commands: StoreCommands| {
        let store = Store::command("notes", commands);
        problem(place.vault.create(&request(1), &[store]).unwrap_err())
    };
    let with = |backup: &str| StoreCommands {
        backup: shell(backup),
        ..honest.clone()
    };
    // It dies in the middle; it says nothing; a program is missing.
    let died = refused(with("echo half; echo 'the disk is gone' >&2; exit 7"));
    assert!(
        died.contains("exited with code 7: the disk is gone"),
        "{died}"
    );
    assert!(refused(with("echo half; kill -9 $$")).contains("was ended by signal 9"));
    assert!(refused(with("true")).contains("wrote nothing to its standard output"));
    let missing = StoreCommands {
        backup: words(&["no-such-dumper"]),
        ..honest.clone()
    };
    let store = Store::command("notes", missing.clone());
    assert!(
        problem(store.examine().unwrap_err())
            .contains("`no-such-dumper` was not found in the PATH")
    );
    assert!(refused(missing).contains("`no-such-dumper` was not found"));
    // A secret that it prints is not shown.
    let mut env = CommandVariables::default();
    env.set("TOKEN", "tulip-8842", true);
    env.set("LEVEL", "debug", false);
    let told = StoreCommands {
        env,
        ..with("echo \"refused $TOKEN at $LEVEL\" >&2; exit 1")
    };
    assert!(!format!("{told:?}").contains("tulip"));
    let told = refused(told);
    assert!(told.contains("refused *** at debug"), "{told}");
    // Secrets of Portcullis itself do not get to it.
    let inherited = refused(with("env | grep -c CARGO_MANIFEST_DIR >&2; exit 1"));
    assert!(inherited.contains(": 0"), "{inherited}");
    // A digest that is another each time; a digest that is no word; a size that is no number.
    let digest = |script: &str| StoreCommands {
        digest: Some(shell(script)),
        ..honest.clone()
    };
    assert!(
        refused(digest("date +%N"))
            .contains("another word after the backup than before it, 3 times")
    );
    assert!(refused(digest("echo two words")).contains("must print one word"));
    let size = StoreCommands {
        size: Some(shell("echo much")),
        ..honest.clone()
    };
    let size = Store::command("notes", size);
    assert!(
        problem(size.size().unwrap_err())
            .contains("must print a number of bytes, and printed \"much\"")
    );
    assert!(place.vault.list().unwrap().is_empty());
    assert!(place.vault.leftovers().unwrap().is_empty());

    // A restore that says that all is well and does nothing.
    let liar = StoreCommands {
        restore: words(&["true"]),
        repeats: true,
        ..honest.clone()
    };
    let store = Store::command("notes", liar);
    let backup = place.back_up(2, std::slice::from_ref(&store));
    fs::write(place.path("live"), "spoiled").unwrap();
    let error = place
        .vault
        .restore_in_place(&backup.name, &store, at(3))
        .unwrap_err();
    let error = problem(error);
    assert!(
        error.contains("ended with code 0, and the store is not as in the backup"),
        "{error}"
    );
    // A check that refuses what is in the backup: the backup does not count as verified.
    place.vault.verify(&backup.name).unwrap();
    let strict = StoreCommands {
        check: Some(shell("grep --quiet second")),
        ..honest.clone()
    };
    let checked = place
        .vault
        .check_by_commands(&backup.name, &[Store::command("notes", strict)]);
    match checked {
        Err(BackupError::Damaged { damages, .. }) => {
            assert!(
                matches!(&damages[..], [Damage::CheckRefused { .. }]),
                "{damages:?}"
            );
        }
        other => panic!("{other:?}"),
    }
    let listed = place.vault.list().unwrap();
    assert!(listed.iter().all(|summary| !summary.verified));
}

#[test]
#[allow(clippy::disallowed_methods)] // that it ends in time is what is shown
fn a_command_that_never_ends_is_killed_with_what_it_started_and_fills_no_disk() {
    let place = Place::new();
    let hangs = StoreCommands {
        timeout: Duration::from_secs(2),
        ..commands(
            &place,
            shell("echo begun; sleep 600 & echo $! > child; wait"),
            words(&["true"]),
        )
    };
    let begun = Instant::now();
    let error = place
        .vault
        .create(&request(1), &[Store::command("notes", hangs.clone())]);
    let error = problem(error.unwrap_err());
    assert!(
        error.contains("took longer than 2 s and was killed"),
        "{error}"
    );
    assert!(begun.elapsed() < Duration::from_secs(30));
    let child = fs::read_to_string(place.path("child")).unwrap();
    let gone = |child: &str| !is_running(child.trim());
    crate::waiting::until("the child goes on", || gone(&child));
    // One that ends and leaves something behind is not waited for, and what it left is ended.
    let leaves = StoreCommands {
        backup: shell("echo all; sleep 600 & echo $! > child"),
        ..hangs.clone()
    };
    let leaves = Store::command(
        "notes",
        StoreCommands {
            timeout: Duration::from_secs(60),
            ..leaves
        },
    );
    // What it left holds its output open, so it did not end yet.
    let quiet = StoreCommands {
        backup: shell("echo all; sleep 600 > /dev/null 2>&1 & echo $! > child"),
        timeout: Duration::from_secs(60),
        ..hangs.clone()
    };
    place.back_up(2, &[Store::command("notes", quiet)]);
    let child = fs::read_to_string(place.path("child")).unwrap();
    crate::waiting::until("the child goes on", || gone(&child));
    drop(leaves);
    // One that writes for ever.
    let endless = StoreCommands {
        backup: words(&["yes"]),
        ..hangs
    };
    let error = place
        .vault
        .create(&request(3), &[Store::command("notes", endless)]);
    assert!(problem(error.unwrap_err()).contains("was killed"));
    assert!(place.vault.leftovers().unwrap().is_empty());
}

/// Whether a process runs; one that ended and was not waited for does not.
fn is_running(pid: &str) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid).join("stat"));
    stat.is_ok_and(|stat| {
        !stat
            .rsplit(')')
            .next()
            .unwrap_or("")
            .trim()
            .starts_with('Z')
    })
}

#[test]
fn a_store_that_its_tool_cannot_read_any_more_is_put_back_all_the_same() {
    let place = Place::new();
    fs::write(place.path("live"), "first").unwrap();
    let store = Store::command(
        "notes",
        commands(&place, words(&["cat", "live"]), shell("cat > live")),
    );
    let backup = place.back_up(1, std::slice::from_ref(&store));
    fs::remove_file(place.path("live")).unwrap();
    let replaced = place
        .vault
        .restore_in_place(&backup.name, &store, at(2))
        .unwrap();
    match replaced.kept {
        Some(Kept::Nothing(why)) => assert!(why.contains("No such file"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(fs::read_to_string(place.path("live")).unwrap(), "first");
    // A damaged backup is not handed to the tool at all.
    crate::flip(&backup.archive, 60);
    let error = place
        .vault
        .restore_in_place(&backup.name, &store, at(3))
        .unwrap_err();
    assert!(matches!(error, BackupError::Damaged { .. }), "{error:?}");
    assert_eq!(fs::read_to_string(place.path("live")).unwrap(), "first");
}

/// Whoever configured a digest command that can never be right keeps the data that is there.
#[test]
fn a_digest_that_is_no_word_is_refused_before_anything_is_touched() {
    let place = Place::new();
    let live = place.path("live");
    fs::write(&live, "first").unwrap();
    let plain = commands(&place, words(&["cat", "live"]), shell("cat > live"));
    let with = |digest: Vec<String>| {
        let commands = StoreCommands {
            digest: Some(digest),
            ..plain.clone()
        };
        Store::command("notes", commands)
    };
    let backup = place.back_up(1, &[Store::command("notes", plain.clone())]);
    let restore = |store: &Store, second| {
        place
            .vault
            .restore_in_place(&backup.name, store, at(second))
    };
    fs::write(&live, "precious").unwrap();
    for (digest, why) in [
        (
            words(&["sha256sum", "live"]),
            "its digest command must print one word",
        ),
        (words(&["no-such-digest"]), "`no-such-digest` was not found"),
    ] {
        let error = problem(restore(&with(digest), 2).unwrap_err());
        assert!(error.contains(why), "{error}");
        assert_eq!(fs::read_to_string(&live).unwrap(), "precious");
        assert_eq!(names(&place.path("state/stores")), ["notes.json"]);
    }
    // The backup has no word, so the digest that was added since says nothing about what was put back.
    let digest = shell("sha256sum live | cut -c1-64");
    restore(&with(digest.clone()), 2).unwrap();
    assert_eq!(fs::read_to_string(&live).unwrap(), "first");
    // A digest that cannot read what is there keeps nobody from putting it back.
    fs::remove_file(&live).unwrap();
    restore(&with(digest), 3).unwrap();
    assert_eq!(fs::read_to_string(&live).unwrap(), "first");
}

#[test]
fn what_fails_after_the_data_was_replaced_says_so_and_where_the_old_data_is() {
    let place = Place::new();
    let live = place.path("live");
    fs::write(&live, "first").unwrap();
    let plain = commands(
        &place,
        words(&["cat", "live"]),
        shell("cat > live; touch restored"),
    );
    let commands = StoreCommands {
        digest: Some(shell("test ! -e restored || exit 4; echo word")),
        ..plain
    };
    let store = Store::command("notes", commands);
    let backup = place.back_up(1, std::slice::from_ref(&store));
    fs::write(&live, "precious").unwrap();
    let restored = place.vault.restore_in_place(&backup.name, &store, at(2));
    let error = problem(restored.unwrap_err());
    assert_eq!(fs::read_to_string(&live).unwrap(), "first");
    let kept = names(&place.path("state/stores"));
    let kept = kept
        .iter()
        .find(|name| name.contains(".replaced-"))
        .unwrap();
    for part in ["its data was replaced", "exited with code 4", kept] {
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
    let kept = place.path("state/stores").join(kept);
    assert_eq!(fs::read_to_string(kept).unwrap(), "precious");
}

#[test]
#[ignore = "the child process of the test below"]
fn child_that_restores() {
    let Ok(folder) = std::env::var(FOLDER_VARIABLE) else {
        return;
    };
    let folder = Path::new(&folder);
    let vault = Vault::open(&folder.join("vault")).unwrap();
    let name = vault.list().unwrap().remove(0).name;
    let _ = vault.restore_in_place(&name, &slow(folder), at(2));
}

/// A store whose restore command waits for `go` when it has begun.
fn slow(folder: &Path) -> Store {
    let restore =
        "cat > read; echo $$ > begun; while [ -e wait ]; do sleep 0.05; done; mv read live";
    let commands = StoreCommands {
        repeats: true,
        ..commands_in(folder, words(&["cat", "live"]), shell(restore))
    };
    Store::command("notes", commands)
}

/// What a restore command does after Portcullis was killed would come on top of what is put back next.
#[test]
fn a_restore_command_ends_with_who_started_it_and_the_next_call_completes_it() {
    let place = Place::new();
    let folder = place.folder.path();
    fs::write(place.path("live"), "first").unwrap();
    let backup = place.back_up(1, &[slow(folder)]);
    fs::write(place.path("live"), "second").unwrap();
    fs::write(place.path("wait"), "").unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "command::child_that_restores", "--ignored"])
        .env(FOLDER_VARIABLE, folder)
        .spawn()
        .unwrap();
    let begun = || fs::read_to_string(place.path("begun")).unwrap_or_default();
    crate::waiting::until("the restore command does not begin", || {
        begun().ends_with('\n')
    });
    child.kill().unwrap();
    child.wait().unwrap();
    crate::waiting::until("the restore command goes on", || {
        !is_running(begun().trim())
    });
    fs::remove_file(place.path("wait")).unwrap();
    assert_eq!(fs::read_to_string(place.path("live")).unwrap(), "second");
    // A backup in between does not make it forgotten.
    place.back_up(3, &[slow(folder)]);
    let again = || {
        place
            .vault
            .restore_in_place(&backup.name, &slow(folder), at(2))
    };
    let replaced = again().unwrap();
    let Some(Kept::Output(kept)) = &replaced.kept else {
        panic!("{replaced:?}");
    };
    assert_eq!(fs::read_to_string(kept).unwrap(), "second");
    assert_eq!(fs::read_to_string(place.path("live")).unwrap(), "first");
    // It is done, and is not done again; nor over what was written since.
    fs::remove_file(place.path("begun")).unwrap();
    assert_eq!(again().unwrap(), replaced);
    fs::write(place.path("live"), "third").unwrap();
    let taken = again().unwrap_err();
    assert!(
        matches!(taken, BackupError::KeptNameTaken { .. }),
        "{taken}"
    );
    assert!(!place.path("begun").exists());
    assert_eq!(fs::read_to_string(place.path("live")).unwrap(), "third");
}

/// What a restore that was killed while it kept the data has left is named, and cleared away by the next backup.
#[test]
fn what_a_killed_restore_kept_half_is_named_and_cleared_away() {
    let place = Place::new();
    fs::write(place.path("live"), "first").unwrap();
    let store = Store::command(
        "notes",
        commands(&place, words(&["cat", "live"]), shell("cat > live")),
    );
    assert_eq!(store.leftovers().unwrap(), Vec::<String>::new());
    place.back_up(1, std::slice::from_ref(&store));
    let left = place.path("state/stores/.portcullis-abcdef.tmp");
    fs::write(&left, "half").unwrap();
    assert_eq!(store.leftovers().unwrap(), [left.display().to_string()]);
    place.back_up(2, std::slice::from_ref(&store));
    assert!(!left.exists());
    assert_eq!(store.leftovers().unwrap(), Vec::<String>::new());
}
