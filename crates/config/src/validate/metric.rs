//! Figures from elsewhere: each has what its source needs, and nothing else.

use std::path::PathBuf;

use portcullis_rollout::{
    Authorization, Command, CommandReading, FigureOrder, FigureSource, Freshness, ValueSource,
};

use super::{Context, text};
use crate::Code;
use crate::origin::{Content, Wanted};
use crate::raw::{RawGate, RawMetric, RawService};
use crate::report::{At, Report, Wrong};

/// The names of all figures: those of the service's own document, and those from elsewhere.
pub(super) fn names<'r>(service: &'r RawService, metrics: &'r [RawMetric]) -> Vec<&'r str> {
    let own = service.metrics.iter();
    let own = own.flat_map(|metrics| metrics.figures.keys().map(String::as_str));
    let elsewhere = metrics.iter().filter_map(|raw| text(raw.name.as_ref()));
    own.chain(elsewhere).collect()
}

/// Reports names that are given twice.
pub(super) fn unique(service: &RawService, metrics: &[RawMetric], context: &Context<'_>) {
    for (index, raw) in metrics.iter().enumerate() {
        let Some(name) = &raw.name else { continue };
        let earlier = names(service, &metrics[..index]);
        if earlier.contains(&name.value.as_str()) {
            let message = format!("another figure is already named `{}`", name.value);
            let wrong = Wrong::new(Code::Duplicate, message);
            context.report.add(&name.spot, wrong);
        }
        if name.value.contains(' ') {
            let wrong = Wrong::new(Code::BadValue, "the name of a figure has no spaces");
            context.report.add(&name.spot, wrong);
        }
    }
}

/// Reports figures that no rule looks at: who forgot the rule would believe that the gate looks at them.
pub(super) fn used(service: &RawService, gate: &RawGate, report: &Report<'_>) {
    let rules = gate.rules.iter();
    let named: Vec<&str> = rules
        .filter_map(|rule| text(rule.metric.as_ref()))
        .collect();
    let known = names(service, &gate.metrics);
    // A rule that could not be read, or with a name that is not known, probably means one of these, and that is told.
    if gate.rules_broken || !named.iter().all(|name| known.contains(name)) {
        return;
    }
    let declared = gate.metrics.iter().filter_map(|raw| raw.name.as_ref());
    for name in declared.filter(|name| !named.contains(&name.value.as_str())) {
        let message = "no rule looks at this figure, so it has no effect";
        let hint = format!(
            "add a rule, such as {{ signal = \"metric\", metric = \"{}\", max = 5 }}, or remove it",
            name.value
        );
        report.add(
            &name.spot,
            Wrong::new(Code::Contradiction, message).hint(hint),
        );
    }
}

/// The orders, in the order of the file.
pub(super) fn orders(metrics: Vec<RawMetric>, context: &mut Context<'_>) -> Vec<FigureOrder> {
    let mut orders: Vec<FigureOrder> = Vec::new();
    for raw in metrics {
        let spot = raw.spot.clone();
        let Some(order) = order(raw, context) else {
            continue;
        };
        let same = |one: &&FigureOrder| one.source == order.source && one.name != order.name;
        if let Some(earlier) = orders.iter().find(same) {
            let message = format!("this asks for the same as the figure `{}`", earlier.name);
            let hint = "let the rules name that one, and remove this";
            context
                .report
                .add(&spot, Wrong::new(Code::Duplicate, message).hint(hint));
        }
        orders.push(order);
    }
    orders
}

/// The places of a figure that nothing fills in. A URL and PromQL have no other use for a name in braces; a database and
/// a program may, so there only what was probably meant as a place is one.
fn places(raw: &RawMetric, context: &Context<'_>) {
    let is_sql = raw.database.is_some();
    raw.url
        .iter()
        .for_each(|url| context.places.check_name(url, true));
    raw.query
        .iter()
        .for_each(|query| context.places.check_name(query, !is_sql));
    let words = raw.command.iter().flat_map(|words| &words.value);
    words
        .chain(raw.env.values())
        .for_each(|word| context.places.check_name(word, false));
}

/// The keys of a source: those that it needs, and those that it may have.
fn keys_of(from: &str) -> (&'static [&'static str], &'static [&'static str]) {
    match from {
        "json" => (
            &["url", "pointer"],
            &["moment", "max_age", "token", "user", "password", "ca"],
        ),
        "prometheus" => (
            &["url", "query"],
            &["label", "max_age", "token", "user", "password", "ca"],
        ),
        "command" => (&["command"], &["env", "reads"]),
        _ => (&["database", "query"], &[]),
    }
}

fn order(raw: RawMetric, context: &mut Context<'_>) -> Option<FigureOrder> {
    let from = raw.from.as_ref()?.clone();
    let (needed, allowed) = keys_of(&from.value);
    for key in needed.iter().filter(|key| !raw.given.contains(key)) {
        let message = format!("a metric from {} needs `{key}`", from.value);
        let wrong = Wrong::new(Code::MissingKey, message);
        context.report.add(&raw.spot, wrong);
    }
    for key in &raw.given {
        if !needed.contains(key) && !allowed.contains(key) {
            let message = format!("a metric from {} has no `{key}`", from.value);
            let wrong = Wrong::new(Code::Contradiction, message).hint("remove it");
            context.report.add(&raw.spot, wrong);
        }
    }
    places(&raw, context);
    let source = source(&raw, &from.value, context)?;
    Some(FigureOrder {
        name: raw.name?.value,
        source,
        timeout_ms: raw.timeout_ms,
        folder: context.folder.to_owned(),
    })
}

fn source(raw: &RawMetric, from: &str, context: &mut Context<'_>) -> Option<FigureSource> {
    let value = |at: &Option<At<String>>| at.as_ref().map(|at| at.value.clone());
    let max_age_ms = raw.max_age_ms.as_ref().map(|at| at.value);
    let authorization = authorization(raw, context);
    let ca = authorities(raw, context);
    Some(match from {
        "json" => {
            if raw.given.contains(&"moment") != raw.given.contains(&"max_age") {
                let message = "`moment` and `max_age` go together";
                let wrong = Wrong::new(Code::MissingKey, message);
                context.report.add(&raw.spot, wrong);
            }
            let fresh = raw.moment.as_ref().zip(max_age_ms);
            FigureSource::Json {
                url: value(&raw.url)?,
                pointer: value(&raw.pointer)?,
                fresh: fresh.map(|(moment, max_age_ms)| Freshness {
                    pointer: moment.value.clone(),
                    max_age_ms,
                }),
                authorization,
                ca,
            }
        }
        "prometheus" => FigureSource::Prometheus {
            url: value(&raw.url)?,
            query: value(&raw.query)?,
            label: value(&raw.label),
            release: String::new(),
            max_age_ms,
            authorization,
            ca,
        },
        "command" => command(raw, context)?,
        _ => {
            let database = raw.database.as_ref()?;
            if let Some(path) = database.value.strip_prefix("sqlite:") {
                let path = context.absolute(path.trim());
                FigureSource::Sql {
                    database: format!("sqlite:{}", path.display()),
                    query: value(&raw.query)?,
                }
            } else {
                secret(database, context);
                FigureSource::Sql {
                    database: context.referenced(database.value.clone()),
                    query: value(&raw.query)?,
                }
            }
        }
    })
}

fn command(raw: &RawMetric, context: &mut Context<'_>) -> Option<FigureSource> {
    context.needs_secrets(&raw.env);
    let words = raw.command.as_ref()?;
    // A name without a folder is looked for where the system looks.
    let program = words.value.first();
    if let Some(program) = program.filter(|program| program.value.contains('/')) {
        let path = context.absolute(&program.value);
        context.needs(&path, Wanted::Hook, &program.spot);
    }
    let env = raw.env.iter();
    let env = env.map(|(name, at)| (name.clone(), context.referenced(at.value.clone())));
    Some(FigureSource::Command {
        command: Command {
            argv: words.value.iter().map(|word| word.value.clone()).collect(),
            env: env.collect(),
            folder: context.folder.to_owned(),
        },
        reads: match text(raw.reads.as_ref()) {
            Some("number") => CommandReading::Number,
            _ => CommandReading::ExitCode,
        },
    })
}

fn authorization(raw: &RawMetric, context: &mut Context<'_>) -> Option<Authorization> {
    let has = |key| raw.given.contains(&key);
    if has("user") != has("password") {
        let message = "`user` and `password` go together";
        let wrong = Wrong::new(Code::MissingKey, message);
        context.report.add(&raw.spot, wrong);
    }
    if has("token") && has("user") {
        let message = "a server is shown either a token, or a user with a password";
        let wrong = Wrong::new(Code::Contradiction, message);
        context.report.add(&raw.spot, wrong);
    }
    for at in raw.token.iter().chain(&raw.password) {
        secret(at, context);
    }
    let referenced = |at: &At<String>| context.referenced(at.value.clone());
    if let Some(token) = &raw.token {
        let token = referenced(token);
        return Some(Authorization::Token { token });
    }
    let (user, password) = (raw.user.as_ref()?, raw.password.as_ref()?);
    Some(Authorization::Basic {
        user: user.value.clone(),
        password: referenced(password),
    })
}

/// The file with the authorities that are trusted, which only means something over HTTPS.
fn authorities(raw: &RawMetric, context: &mut Context<'_>) -> Option<PathBuf> {
    let at = raw.ca.as_ref()?;
    let is_plain = |url: &At<String>| !url.value.starts_with("https:");
    if raw.url.as_ref().is_some_and(is_plain) {
        let message = "only a server over HTTPS shows a certificate, and this URL is of plain HTTP";
        let wrong = Wrong::new(Code::Contradiction, message);
        let hint = "remove it, or begin the URL with https://";
        context.report.add(&at.spot, wrong.hint(hint));
    }
    Some(context.file(Some(at), Content::Certificates))
}

/// The disk must have the file that a reference names.
fn secret(at: &At<String>, context: &mut Context<'_>) {
    if let ValueSource::File(path) = ValueSource::of(&at.value) {
        let path = context.absolute(path);
        context.needs(&path, Wanted::Secret, &at.spot);
    }
}
