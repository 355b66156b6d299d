//! The program as it is started.

use std::process::Command;

#[test]
fn a_behaviour_with_an_unknown_key_is_refused_with_its_name() {
    let file = std::env::temp_dir().join(format!("faulty-{}.toml", std::process::id()));
    std::fs::write(&file, "erors = 0.5\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_faulty"))
        .args(["--port", "1", "--release", "1.0", "--behaviour"])
        .arg(&file)
        .output()
        .unwrap();
    std::fs::remove_file(&file).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains("erors"), "{said}");
}
