//! The keys of hooks.

use super::{Kind, Preset, Section, key};

pub(crate) static HOOK: Section = Section {
    header: "[[hook]]",
    about: "A command of yours that is run at the steps of a rollout, or whenever a person is told \
            something. It runs in this file's folder, and gets the plan and the verdict as JSON on its \
            standard input. Repeat the table for each.",
    keys: &[
        key(
            "name",
            Kind::Name,
            Preset::Required,
            "The hook's name, for the record.",
        ),
        key(
            "on",
            Kind::HookPoints,
            Preset::Required,
            "When it is run: `before-KIND` and `after-KIND`, where KIND is a kind of step (`preflight`, \
             `backup`, `rehearse`, `approve`, `migrate`, `start`, `smoke`, `shift`, `gate`, `promote`, \
             `retire`) or `any`; and `notice`, whenever a person is told something: that the \
             rollout paused, is held, goes back or is done, or that a gate warns.",
        ),
        key(
            "command",
            Kind::Command,
            Preset::Required,
            "What is run; no shell is involved. Places are not filled in.",
        ),
        key(
            "env",
            Kind::Texts,
            Preset::Absent(""),
            "Environment variables that are set for it. Secrets by reference.",
        ),
        key(
            "timeout",
            Kind::Duration,
            Preset::Value("\"30s\""),
            "How long it may take; then it is killed, and has failed.",
        ),
        key(
            "on_failure",
            Kind::Choice(&["fail", "note"]),
            Preset::Absent("`fail`; `note` for a hook on notices only"),
            "What it means when it fails: the step has failed, or it is only noted. A notice cannot \
             fail.",
        ),
        key(
            "on_failure_back",
            Kind::Choice(&["fail", "note"]),
            Preset::Value("\"note\""),
            "The same where the rollout returns to an earlier release (`portcullis rollback`). What guards \
             the way forward must not bar the way back, so a failure is only noted there; a hook that \
             hangs costs its `timeout`. `fail` lets it stop a return as well. The undoing of a rollout \
             that goes back by itself runs no hooks but those on `notice`.",
        ),
    ],
};
