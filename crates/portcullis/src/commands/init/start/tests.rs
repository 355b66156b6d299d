//! Commands as people type them become those of a release.

use super::*;

/// A folder with some files, and a folder of programs.
fn ground(test: impl FnOnce(&Ground<'_>)) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for file in [
        "app.py",
        "server.js",
        "serve",
        "bin/python3",
        "bin/gunicorn",
        "bin/node",
    ] {
        let path = root.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
    }
    test(&Ground {
        folder: root,
        path: vec![root.join("bin")],
    });
}

fn started(ground: &Ground<'_>, line: &str, port: Option<u16>) -> Start {
    ground
        .start(line, false, &BTreeMap::new(), port, None)
        .unwrap()
}

#[test]
fn the_script_of_an_interpreter_is_the_artifact() {
    ground(|ground| {
        let start = started(ground, "python3 -u app.py --port $PORT", None);
        assert_eq!(start.artifact, "app.py");
        assert_eq!(
            start.command,
            ["python3", "-u", "{artifact}", "--port", "{port}"]
        );
        let start = started(ground, "PORT=3000 node server.js", None);
        assert_eq!(start.command, ["node", "{artifact}"]);
        assert_eq!(start.env["PORT"], "{port}");
        assert_eq!(start.port, Some(3000));
    });
}

#[test]
fn a_program_of_the_folder_is_its_own_artifact() {
    ground(|ground| {
        let start = started(ground, "./serve --listen 0.0.0.0:8000", None);
        assert_eq!(start.artifact, "serve");
        assert_eq!(start.command, ["{artifact}", "--listen", "{address}"]);
        assert!(start.told.iter().any(|line| line.contains("loopback")));
        let start = started(ground, "./serve -p 80", Some(80));
        assert_eq!(start.command, ["{artifact}", "-p", "{port}"]);
    });
}

#[test]
fn a_server_that_loads_a_module_has_the_module_as_artifact() {
    ground(|ground| {
        let line = "gunicorn --bind 0.0.0.0:${PORT:-8000} --workers 2 app:app";
        let start = started(ground, line, None);
        assert_eq!(start.artifact, "app.py");
        assert_eq!(start.port, Some(8000));
        assert_eq!(
            start.command,
            [
                "gunicorn",
                "--bind",
                "{address}",
                "--workers",
                "2",
                "app:app"
            ]
        );
        assert!(start.told.iter().any(|line| line.contains("by itself")));
    });
}

#[test]
fn an_interpreter_without_a_file_is_the_artifact_itself_and_this_is_said() {
    ground(|ground| {
        let start = started(ground, "python3 -m http.server 8000", None);
        assert!(start.artifact.ends_with("bin/python3"), "{start:?}");
        assert_eq!(start.command, ["{artifact}", "-m", "http.server", "{port}"]);
        assert!(start.told.iter().any(|line| line.contains("not part of")));
        let line = "python3 -m http.server --bind 127.0.0.1 8000";
        assert_eq!(started(ground, line, None).port, Some(8000));
    });
}

#[test]
fn words_with_blanks_and_braces_stay_as_they_are_meant() {
    ground(|ground| {
        let start = started(
            ground,
            r#"./serve --title 'My {own} notes' --port=80"#,
            Some(80),
        );
        assert_eq!(
            start.command,
            ["{artifact}", "--title", "My {{own}} notes", "--port={port}"]
        );
        let typed = ground.start("./serve {port} 'a b'", true, &BTreeMap::new(), None, None);
        assert_eq!(typed.unwrap().command, ["{artifact}", "{port}", "a b"]);
    });
}

#[test]
fn a_command_without_a_port_is_told_it_in_a_variable() {
    ground(|ground| {
        let start = started(ground, "./serve", None);
        assert_eq!(start.env["PORT"], "{port}");
        assert!(start.told[0].starts_with("note: "), "{:?}", start.told);
    });
}

#[test]
fn a_variable_that_names_itself_comes_to_an_end() {
    ground(|ground| {
        let env = BTreeMap::from([("A".to_owned(), "$A$A".to_owned())]);
        let start = ground.start("./serve $A", false, &env, None, None).unwrap();
        assert_eq!(start.artifact, "serve");
    });
}

#[test]
fn paths_of_another_machine_are_found_in_the_folder() {
    ground(|ground| {
        let line = "/usr/bin/python3 /srv/notes/app.py";
        let refused = ground.start(line, false, &BTreeMap::new(), None, None);
        // What the words mean there cannot be seen from here.
        if let Ok(start) = refused {
            assert_ne!(start.artifact, "app.py");
        }
        let start = ground.start(
            "python3 /srv/notes/app.py",
            false,
            &BTreeMap::new(),
            None,
            Some("/srv/notes"),
        );
        assert_eq!(start.unwrap().artifact, "app.py");
    });
}

#[test]
fn what_needs_a_shell_or_is_not_there_is_refused_with_its_reason() {
    ground(|ground| {
        let refused = |line: &str| {
            ground
                .start(line, false, &BTreeMap::new(), None, None)
                .unwrap_err()
        };
        assert!(refused("./migrate && ./serve").contains("&&"));
        assert!(refused("uvicorn app:app").contains("not on this machine"));
        assert!(refused("./serve 'a").contains("quotation mark"));
        assert!(refused("  ").contains("empty"));
    });
}
