//! Guesses from files as people have them.

use super::*;

#[test]
fn a_procfile_gives_its_web_process() {
    let text =
        "# Heroku\nworker: python3 worker.py\nweb: gunicorn --bind 0.0.0.0:$PORT app:app\n\n";
    let guess = procfile(text).unwrap();
    assert_eq!(guess.from, "Procfile line 3");
    assert_eq!(
        guess.command.as_deref(),
        Some("gunicorn --bind 0.0.0.0:$PORT app:app")
    );
    assert!(guess.notes[0].contains("worker"), "{:?}", guess.notes);
    assert_eq!(procfile("# nothing\n\n"), None);
}

#[test]
fn a_unit_gives_command_folder_port_and_name() {
    let text = "\
[Unit]
Description=Notes
After=network-online.target

[Service]
Type=simple
User=notes
WorkingDirectory=/srv/notes
Environment=\"PORT=8000\" NOTES_DB=/srv/notes/data/notes.db
# ExecStart=/usr/bin/false
ExecStart=/usr/bin/python3 /srv/notes/app.py \\
    --host 0.0.0.0
Restart=on-failure

[Install]
WantedBy=multi-user.target
";
    let guess = unit("Notes.service", text).unwrap();
    assert_eq!(guess.name.as_deref(), Some("notes"));
    assert_eq!(guess.port, Some(8000));
    assert_eq!(guess.folder.as_deref(), Some("/srv/notes"));
    assert_eq!(guess.env["NOTES_DB"], "/srv/notes/data/notes.db");
    let words = shell_words::split(guess.command.as_deref().unwrap()).unwrap();
    assert_eq!(words[1..], ["/srv/notes/app.py", "--host", "0.0.0.0"]);
    assert!(guess.notes[0].contains("User=notes"));
    assert_eq!(unit("backup.service", "[Service]\nType=oneshot\n"), None);
}

#[test]
fn a_compose_file_gives_name_ports_health_and_data() {
    let text = r#"
services:
  db:
    image: postgres:17
    volumes: ["pg:/var/lib/postgresql/data"]
  notes:
    build: .
    command: ["python3", "app.py", "--port", "8000"]
    ports:
      - "127.0.0.1:9000:8000/tcp"
    environment:
      - NOTES_DB=/app/data/notes.db
    volumes:
      - ./data:/app/data
      - type: bind
        source: ./uploads
        target: /app/uploads
    healthcheck:
      test: ["CMD", "curl", "-f", "http://localhost:8000/health"]
volumes:
  pg:
"#;
    let guess = compose("compose.yaml", text).unwrap();
    assert_eq!(guess.name.as_deref(), Some("notes"));
    assert_eq!((guess.listen, guess.port), (Some(9000), Some(8000)));
    assert_eq!(guess.ready_path.as_deref(), Some("/health"));
    assert_eq!(guess.stores, ["data", "uploads"]);
    assert_eq!(guess.env["NOTES_DB"], "/app/data/notes.db");
    assert_eq!(guess.command.as_deref(), Some("python3 app.py --port 8000"));
    assert!(guess.notes[0].contains("not used"), "{:?}", guess.notes);
}

#[test]
fn the_other_forms_of_a_compose_file_are_read_too() {
    let text = "
x-base: &base
  environment: {PORT: 5000, DEBUG: 'no'}
services:
  api:
    <<: *base
    command: node server.js
    ports:
      - target: 5000
        published: '80'
    healthcheck:
      test: wget -qO- http://127.0.0.1:5000/live || exit 1
";
    let guess = compose("docker-compose.yml", text).unwrap();
    assert_eq!((guess.listen, guess.port), (Some(80), Some(5000)));
    assert_eq!(guess.ready_path.as_deref(), Some("/live"));
    assert_eq!(guess.env["PORT"], "5000");
    assert_eq!(guess.command.as_deref(), Some("node server.js"));
    assert_eq!(compose("compose.yaml", "services: 7"), None);
    assert_eq!(compose("compose.yaml", ": : :"), None);
}

#[test]
fn package_json_gives_the_start_script_or_the_main_program() {
    let text =
        r#"{"name": "@team/notes-api", "scripts": {"test": "x", "start": "node server.js"}}"#;
    let guess = package_json(text).unwrap();
    assert_eq!(guess.name.as_deref(), Some("notes-api"));
    assert_eq!(guess.command.as_deref(), Some("node server.js"));
    let guess = package_json(r#"{"main": "lib/index.js"}"#).unwrap();
    assert_eq!(guess.command.as_deref(), Some("node lib/index.js"));
    assert_eq!(package_json("not json"), None);
}

#[test]
fn a_python_project_gives_its_name_and_a_program_its_port() {
    let guess = pyproject("[project]\nname = \"Small Notes\"\n").unwrap();
    assert_eq!(guess.name.as_deref(), Some("small-notes"));
    assert_eq!(pyproject("[build-system]\n"), None);
    let guess = python("app.py", "port = int(os.environ.get(\"PORT\", \"8000\"))\n");
    assert_eq!(guess.port, Some(8000));
    assert_eq!(guess.command.as_deref(), Some("python3 app.py"));
    let guess = python("server.py", "parser.add_argument('--port', default=8123)\n");
    assert_eq!(
        guess.command.as_deref(),
        Some("python3 server.py --port $PORT")
    );
    assert_eq!(guess.port, Some(8123));
}
