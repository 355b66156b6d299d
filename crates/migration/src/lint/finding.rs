//! One thing that a lint has to say.

use serde::Serialize;

use crate::{Migration, Phase, SetProblem};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// It may stop users for as long as it takes, or leave work for a person.
    Warning,
    /// The running version breaks, data is lost, or it fails as it stands.
    Error,
}

/// What kind of harm a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleClass {
    /// The version that runs needs what is changed: only a contract migration may do it.
    Contract,
    /// No phase makes it safe: old and new cannot both be served.
    Breaks,
    /// Data is gone afterwards; only a backup brings it back.
    DataLoss,
    /// Others wait for as long as it takes.
    Lock,
    /// It fails as it is written, or leaves something half done when it fails.
    Fails,
    /// Whether it succeeds depends on the data.
    Data,
    /// Nothing bounds how long it waits or runs.
    Timeout,
    /// There is no way back.
    Reverse,
    /// The file itself, its name or its comments.
    File,
    /// What experience advises.
    Style,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule's name, as an ignore names it.
    pub rule: String,
    /// How bad it is here.
    pub severity: Severity,
    /// What kind of harm it is about.
    pub class: RuleClass,
    /// The file's name.
    pub file: String,
    /// The line of the statement, or the first if it is about the whole file.
    pub line: usize,
    /// The statement in one line, without what is in its strings; none if it is about the whole file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// Why it matters.
    pub why: String,
    /// What to do instead.
    pub instead: String,
    /// Which statement of the file it is about.
    #[serde(skip)]
    pub(crate) index: Option<usize>,
}

/// What a finding is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'m> {
    pub(crate) migration: &'m Migration,
    pub(crate) statement: Option<usize>,
    /// The line, if it is another than the statement's first.
    pub(crate) line: Option<usize>,
}

impl RuleClass {
    /// How bad a rule of this class is in a phase.
    pub(crate) fn severity(self, phase: Phase) -> Severity {
        match (self, phase) {
            (RuleClass::Contract | RuleClass::DataLoss, Phase::Contract) => Severity::Note,
            (
                RuleClass::Contract
                | RuleClass::DataLoss
                | RuleClass::Breaks
                | RuleClass::Fails
                | RuleClass::File,
                _,
            ) => Severity::Error,
            (RuleClass::Lock | RuleClass::Data, _) => Severity::Warning,
            (RuleClass::Timeout | RuleClass::Reverse | RuleClass::Style, _) => Severity::Note,
        }
    }
}

impl Severity {
    /// The word of reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

impl Place<'_> {
    /// A finding here, as bad as its class is in the file's phase.
    pub(crate) fn finding(
        self,
        rule: &str,
        class: RuleClass,
        why: impl Into<String>,
        instead: impl Into<String>,
    ) -> Finding {
        let statement = self
            .statement
            .and_then(|at| self.migration.statements.get(at));
        let line = self.line.or(statement.map(|statement| statement.line));
        Finding {
            rule: rule.to_owned(),
            severity: class.severity(self.migration.phase),
            class,
            file: self.migration.file.clone(),
            line: line.unwrap_or(1),
            statement: statement.map(crate::Statement::excerpt),
            why: why.into(),
            instead: instead.into(),
            index: self.statement,
        }
    }
}

impl Finding {
    pub(super) fn of_problem(problem: &SetProblem) -> Finding {
        let mut why = problem.kind.to_string();
        if let Some(first) = why.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let severity = match problem.kind {
            crate::ProblemKind::Gap { .. } => Severity::Warning,
            _ => Severity::Error,
        };
        Finding {
            rule: problem.kind.rule().to_owned(),
            severity,
            class: RuleClass::File,
            file: problem.file.clone(),
            line: problem.line.unwrap_or(1),
            statement: None,
            why: format!("{why}."),
            instead: problem.kind.instead(),
            index: None,
        }
    }

    /// The same, as bad as said.
    #[must_use]
    pub(super) fn severity(mut self, severity: Severity) -> Finding {
        self.severity = severity;
        self
    }
}
