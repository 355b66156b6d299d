use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

async fn resolve(text: &str, folder: &Path) -> Result<String, SecretErrorWhy> {
    let resolved = resolve_secret(text, folder).await;
    resolved
        .map(|secret| secret.expose_secret().to_owned())
        .map_err(|error| {
            // The reference is named, and nothing that was found.
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("`{}` ", ValueSource::shown(text))),
                "{error}"
            );
            assert!(!format!("{error:?}").contains("8461937"), "{error:?}");
            error.why
        })
}

fn script(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn literals_and_variables_are_resolved() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    assert_eq!(resolve("plain", at).await, Ok("plain".to_owned()));
    assert_eq!(
        resolve("text:env:HOME", at).await,
        Ok("env:HOME".to_owned())
    );
    let path = std::env::var("PATH").unwrap();
    assert_eq!(resolve("env:PATH", at).await, Ok(path));
    let unset = resolve("env:PORTCULLIS_TEST_NEVER_SET", at).await;
    assert_eq!(unset, Err(SecretErrorWhy::NotSet));
}

#[tokio::test]
async fn files_are_read_without_their_last_line_end_and_within_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let cases = [
        ("8461937\n", "8461937"),
        ("8461937\r\n", "8461937"),
        ("two\nlines\n\n", "two\nlines\n"),
        ("", ""),
    ];
    for (content, wanted) in cases {
        fs::write(at.join("secret"), content).unwrap();
        assert_eq!(resolve("file:secret", at).await, Ok(wanted.to_owned()));
    }
    let absolute = format!("file:{}", at.join("secret").display());
    assert_eq!(resolve(&absolute, Path::new("/")).await, Ok(String::new()));
    assert_eq!(
        resolve("file:missing", at).await,
        Err(SecretErrorWhy::Unreadable)
    );
    assert_eq!(resolve("file:.", at).await, Err(SecretErrorWhy::Unreadable));
    fs::write(at.join("secret"), "x".repeat(SECRET_BYTES_MAX)).unwrap();
    assert_eq!(
        resolve("file:secret", at).await.map(|text| text.len()),
        Ok(SECRET_BYTES_MAX)
    );
    fs::write(at.join("secret"), "x".repeat(SECRET_BYTES_MAX + 1)).unwrap();
    assert_eq!(
        resolve("file:secret", at).await,
        Err(SecretErrorWhy::TooLarge)
    );
    for content in [&b"8461937\xff"[..], b"8461937\0"] {
        fs::write(at.join("secret"), content).unwrap();
        assert_eq!(
            resolve("file:secret", at).await,
            Err(SecretErrorWhy::NotText)
        );
    }
}

#[tokio::test]
async fn commands_are_run_without_a_shell_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    script(at, "show", "printf '%s|' \"$@\"; cat secret");
    fs::write(at.join("secret"), "8461937\n").unwrap();
    let shown = resolve("cmd:./show 'a b' $HOME ';' x", at).await;
    assert_eq!(shown, Ok("a b|$HOME|;|x|8461937".to_owned()));
    script(at, "fails", "echo 8461937; echo 8461937 >&2; exit 3");
    assert_eq!(
        resolve("cmd:./fails", at).await,
        Err(SecretErrorWhy::Failed)
    );
    script(at, "floods", "cat /dev/zero");
    assert_eq!(
        resolve("cmd:./floods", at).await,
        Err(SecretErrorWhy::TooLarge)
    );
    assert_eq!(
        resolve("cmd:./missing", at).await,
        Err(SecretErrorWhy::NotStarted)
    );
    assert_eq!(
        resolve("cmd:./show '", at).await,
        Err(SecretErrorWhy::NotACommand)
    );
    assert_eq!(resolve("cmd:", at).await, Err(SecretErrorWhy::NotACommand));
}

#[tokio::test]
async fn a_hanging_command_is_given_up_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    script(at, "hangs", "sleep 1000 & echo $! > child; wait");
    let run = async {
        let resolved = output("./hangs", at).await;
        resolved.map(|_| ())
    };
    let given_up = within(Duration::from_secs(1), run).await;
    assert!(matches!(given_up, Err((SecretErrorWhy::TimedOut, None))));
    let child = fs::read_to_string(at.join("child")).unwrap();
    let gone = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.trim()));
        stat.is_err() || stat.is_ok_and(|stat| stat.contains(") Z "))
    };
    let waited = async {
        while !gone() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), waited)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_copy_of_a_database_is_reached_by_the_url_of_the_original() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(
        at.join("url"),
        "postgres://app:8461937@h:1/notes?sslmode=require\n",
    )
    .unwrap();
    assert_eq!(
        resolve("postgres-database:copy_7:file:url", at).await,
        Ok("postgres://app:8461937@h:1/copy_7?sslmode=require".to_owned())
    );
    fs::write(at.join("url"), "8461937\n").unwrap();
    assert_eq!(
        resolve("postgres-database:copy_7:file:url", at).await,
        Err(SecretErrorWhy::NotADatabase)
    );
}

#[tokio::test]
async fn a_command_without_a_folder_runs_where_we_are() {
    let found = resolve("cmd:pwd", Path::new("")).await.unwrap();
    assert_eq!(Path::new(&found), std::env::current_dir().unwrap());
}
