use super::TESTED_TABLES;

const CODE: &str = "#[test]\nfn a_release_dies() {}\n";

fn findings(row: &str) -> Vec<String> {
    let head = "| fault | what | see | do | test |\n|---|---|---|---|---|\n";
    let good = "| it dies | a | b | c | `a_release_dies` |\n".repeat(TESTED_TABLES[0].rows_min);
    let mut findings = Vec::new();
    TESTED_TABLES[0].check(&format!("{head}{good}{row}\n"), CODE, &mut findings);
    findings
}

#[test]
fn a_row_of_the_table_of_faults_names_a_test_that_exists() {
    assert_eq!(findings(""), Vec::<String>::new());
    let missing = findings("| it hangs | a | b | c | `a_release_hangs` |");
    assert!(missing[0].ends_with("there is no test `a_release_hangs`"));
    let none = findings("| it hangs | `a` | b | c | by hand |");
    assert!(none[0].ends_with("\"it hangs\" names no test"));
}

#[test]
fn a_table_of_faults_that_is_not_understood_is_a_finding() {
    let mut findings = Vec::new();
    TESTED_TABLES[0].check("| it dies | `a_release_dies` |\n", CODE, &mut findings);
    assert!(findings[0].ends_with("only 1 rows were found"));
}

#[test]
fn a_table_behind_others_is_found_by_what_stands_before_it() {
    let table = &TESTED_TABLES[2];
    let rows = "| a | b | c | `a_release_dies` |\n".repeat(table.rows_min);
    let others = "| x | not `a_test` |\n".repeat(20);
    let mut findings = Vec::new();
    let text = format!("{others}{}\n{rows}", table.behind);
    table.check(&text, CODE, &mut findings);
    assert_eq!(findings, Vec::<String>::new());
    table.check(&others, CODE, &mut findings);
    assert!(findings[0].ends_with("only 0 rows were found"));
}
