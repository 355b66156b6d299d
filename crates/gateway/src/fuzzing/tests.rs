use std::path::Path;

use super::TARGETS;

#[test]
fn everything_that_a_fuzzer_found_worth_keeping_still_holds() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, target) in TARGETS {
        let folder = corpora.join(name);
        let inputs = std::fs::read_dir(&folder).unwrap();
        let mut count = 0;
        for input in inputs {
            let path = input.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            let held = std::panic::catch_unwind(|| target(&bytes));
            assert!(held.is_ok(), "{name} does not hold for {}", path.display());
            count += 1;
        }
        assert!(count > 0, "{} has no inputs", folder.display());
    }
}

#[test]
fn every_target_has_a_program_of_its_name() {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let mut names: Vec<String> = std::fs::read_dir(programs)
        .unwrap()
        .map(|program| program.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, TARGETS.map(|(name, _)| name));
}
