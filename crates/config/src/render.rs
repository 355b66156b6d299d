//! A configuration as a file that means the same, with every value written out.

use std::collections::BTreeMap;
use std::path::Path;

use portcullis_analysis::{
    Cadence, Enough, Reading, Rule, Signal, SignalKind, Test, WhenInconclusive,
};
use portcullis_rollout::{Check, Migration, Proof, SqlMigration, Strategy};
use toml::{Table, Value};

use crate::config::{
    BackupConfig, Config, CopyConfig, DrillConfig, HookConfig, JournalConfig, Listen,
    ReleaseConfig, Schedule, SecretText, UpstreamProtocol,
};
use crate::units::duration_text;

mod data;
mod gateway;
mod metric;
mod synthetic;

impl Config {
    /// A configuration file that means the same: all defaults written out, all paths absolute. Reading
    /// it gives an equal configuration, given that all paths are UTF-8. Environments are not written: it is
    /// the chosen one. References to secrets are written as such; what was configured as a literal is too,
    /// so the text is no more for printing than the file itself.
    pub fn to_toml(&self) -> String {
        let mut file = Table::new();
        file.insert("service".into(), service(self).into());
        file.insert("store".into(), data::stores(self));
        file.insert("data".into(), data::policy(self).into());
        // Without gates the rules are for the time in which the old release is kept warm, if there is one.
        if self.service.strategy != Strategy::AtOnce || self.service.keep_warm.window_ms > 0 {
            file.insert("gate".into(), gate(self).into());
        }
        file.insert("gateway".into(), gateway::gateway(&self.gateway).into());
        let listen = listen(&self.server.listen);
        file.insert(
            "server".into(),
            table([
                ("listen", listen),
                ("allow_remote", self.server.allow_remote.into()),
            ])
            .into(),
        );
        let journal = match &self.state.journal {
            JournalConfig::Sqlite => "sqlite",
            JournalConfig::Postgres(url) => url.expose(),
        };
        let state = table([
            ("folder", path(&self.state.folder)),
            ("vault", path(&self.state.vault)),
            ("journal", journal.into()),
            ("lease", duration(self.state.lease_ttl_ms)),
        ]);
        file.insert("state".into(), state.into());
        let mut retention = table([
            ("keep_last", i64::from(self.retention.keep_last).into()),
            ("keep_days", i64::from(self.retention.keep_days).into()),
            ("keep_hourly", i64::from(self.retention.keep_hourly).into()),
            ("keep_daily", i64::from(self.retention.keep_daily).into()),
            ("keep_weekly", i64::from(self.retention.keep_weekly).into()),
            (
                "keep_monthly",
                i64::from(self.retention.keep_monthly).into(),
            ),
            ("keep_yearly", i64::from(self.retention.keep_yearly).into()),
        ]);
        if let Some(schedule) = &self.backup.schedule {
            retention.extend(schedule_table(schedule));
        }
        retention.insert("prune".into(), self.backup.prune.into());
        if let Some(age_ms) = self.backup.age_max_ms {
            retention.insert("age_max".into(), duration(age_ms));
            retention.insert("too_old".into(), self.backup.too_old.word().into());
        }
        let pause = if self.backup.pause { "writes" } else { "none" };
        retention.insert("pause".into(), pause.into());
        retention.insert("pause_max".into(), duration(self.backup.pause_max_ms));
        copies(&self.backup, &mut retention);
        file.insert("backup".into(), retention.into());
        if !self.stores.is_empty() {
            file.insert("drill".into(), drill(&self.drill).into());
        }
        file.insert("timeouts".into(), timeouts(self).into());
        let releases = self
            .releases
            .iter()
            .map(|one| Value::Table(release(one)))
            .collect();
        file.insert("release".into(), Value::Array(releases));
        let hooks = self.hooks.iter().map(|one| Value::Table(hook(one)));
        file.insert("hook".into(), Value::Array(hooks.collect()));
        file.to_string()
    }
}

fn table<const N: usize>(pairs: [(&str, Value); N]) -> Table {
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// `[backup.encryption]` and each `[[backup.copy]]`.
fn copies(backup: &BackupConfig, out: &mut Table) {
    let texts = |texts: Vec<&str>| Value::Array(texts.into_iter().map(Value::from).collect());
    let encryption = &backup.encryption;
    let mut keys = Table::new();
    if !encryption.recipients.is_empty() {
        let recipients = encryption.recipients.iter().map(String::as_str);
        keys.insert("recipients".into(), texts(recipients.collect()));
    }
    if !encryption.identities.is_empty() {
        let identities = encryption.identities.iter().map(SecretText::expose);
        keys.insert("identities".into(), texts(identities.collect()));
    }
    if !keys.is_empty() {
        out.insert("encryption".into(), keys.into());
    }
    if !backup.copies.is_empty() {
        let copies = backup.copies.iter().map(|one| Value::Table(copy(one)));
        out.insert("copy".into(), Value::Array(copies.collect()));
    }
}

fn copy(copy: &CopyConfig) -> Table {
    let keep = &copy.retention;
    let mut out = table([
        ("name", copy.name.as_str().into()),
        ("url", copy.url.as_str().into()),
        ("required", copy.required.into()),
        ("keep_last", i64::from(keep.keep_last).into()),
        ("keep_days", i64::from(keep.keep_days).into()),
        ("keep_hourly", i64::from(keep.keep_hourly).into()),
        ("keep_daily", i64::from(keep.keep_daily).into()),
        ("keep_weekly", i64::from(keep.keep_weekly).into()),
        ("keep_monthly", i64::from(keep.keep_monthly).into()),
        ("keep_yearly", i64::from(keep.keep_yearly).into()),
    ]);
    if let Some(lock) = &copy.lock {
        let mode = match lock.compliance {
            true => "compliance",
            false => "governance",
        };
        out.insert("lock".into(), duration(lock.for_ms));
        out.insert("lock_mode".into(), mode.into());
    }
    for (name, text) in [
        ("endpoint", copy.endpoint.as_deref()),
        ("region", copy.region.as_deref()),
        ("account", copy.account.as_deref()),
        (
            "access_key",
            copy.access_key.as_ref().map(SecretText::expose),
        ),
        ("secret", copy.secret.as_ref().map(SecretText::expose)),
    ] {
        if let Some(text) = text {
            out.insert(name.into(), text.into());
        }
    }
    if let Some(ca) = &copy.ca {
        out.insert("ca".into(), path(ca));
    }
    out
}

fn schedule_table(schedule: &Schedule) -> Table {
    table([
        ("schedule", schedule.text().into()),
        ("time_zone", schedule.zone_name().into()),
        ("jitter", duration(schedule.jitter_ms)),
        ("catch_up", duration(schedule.catch_up_ms)),
    ])
}

fn drill(drill: &DrillConfig) -> Table {
    let mut out = table([
        ("from", drill.from.word().into()),
        ("backup", drill.backup.word().into()),
    ]);
    if let Some(schedule) = &drill.schedule {
        out.extend(schedule_table(schedule));
    }
    for (name, ms) in [("rto", drill.rto_ms), ("rpo", drill.rpo_ms)] {
        out.extend(ms.map(|ms| (name.to_owned(), duration(ms))));
    }
    out
}

fn protocol(protocol: UpstreamProtocol) -> &'static str {
    match protocol {
        UpstreamProtocol::Http1 => "http1",
        UpstreamProtocol::Http2 => "http2",
    }
}

fn service(config: &Config) -> Table {
    let service = &config.service;
    let mut out = table([
        ("name", service.name.as_str().into()),
        ("environment", service.environment.as_str().into()),
        ("ports", service.ports.to_string().into()),
        ("protocol", protocol(service.protocol).into()),
        ("keep_warm", duration(service.keep_warm.window_ms)),
        ("keep_warm_cadence", cadence(&service.keep_warm.cadence)),
        ("ready", check(&service.ready).into()),
    ]);
    let strategy = match &service.strategy {
        Strategy::Canary { weights } => {
            let weights = weights
                .iter()
                .map(|weight| Value::Integer(weight.percent().into()));
            out.insert("weights".into(), Value::Array(weights.collect()));
            "canary"
        }
        Strategy::CutOver { weights } => {
            let weights = weights
                .iter()
                .map(|weight| Value::Integer(weight.percent().into()));
            out.insert("weights".into(), Value::Array(weights.collect()));
            "cut-over"
        }
        Strategy::BlueGreen => "blue-green",
        Strategy::AtOnce => "at-once",
    };
    out.insert("strategy".into(), strategy.into());
    if let Some(question) = &service.approval {
        out.insert("approval".into(), question.as_str().into());
    }
    if !service.smoke.is_empty() {
        let smoke = service.smoke.iter().map(|smoke| Value::Table(check(smoke)));
        out.insert("smoke".into(), Value::Array(smoke.collect()));
    }
    if let Some(metrics) = &service.metrics {
        let figures = metrics.figures.iter();
        let figures: Table = figures
            .map(|(name, pointer)| (name.clone(), pointer.as_str().into()))
            .collect();
        let metrics = table([
            ("path", metrics.path.as_str().into()),
            ("figures", figures.into()),
        ]);
        out.insert("metrics".into(), metrics.into());
    }
    out
}

fn check(check: &Check) -> Table {
    let mut out = table([
        ("method", check.method.as_str().into()),
        ("path", check.path.as_str().into()),
        ("status", i64::from(check.status).into()),
        ("timeout", duration(check.timeout_ms)),
    ]);
    if let Some(file) = &check.body_file {
        out.insert("body_file".into(), path(file));
    }
    if !check.json.is_empty() {
        let values = check
            .json
            .iter()
            .map(|(pointer, value)| (pointer.clone(), json(value)));
        out.insert("json".into(), Value::Table(values.collect()));
    }
    if let Some(text) = &check.contains {
        out.insert("contains".into(), text.as_str().into());
    }
    out
}

fn gate(config: &Config) -> Table {
    let analysis = &config.analysis;
    let mut out = table([
        ("window", duration(analysis.window_ms)),
        ("interval", duration(analysis.interval_ms)),
        ("samples_min", i64::from(analysis.samples_min).into()),
        ("cadence", cadence(&analysis.cadence)),
        ("extend", duration(analysis.extend_ms)),
        ("early", analysis.early.into()),
        (
            "inconclusive",
            match analysis.inconclusive {
                WhenInconclusive::Ask => "ask",
                WhenInconclusive::Hold => "hold",
                WhenInconclusive::RollBack => "roll-back",
            }
            .into(),
        ),
        ("alpha", analysis.budget.alpha.into()),
        ("beta", analysis.budget.beta.into()),
        (
            "metric",
            Value::Array(
                config
                    .figures
                    .iter()
                    .map(|one| Value::Table(metric::metric(one)))
                    .collect(),
            ),
        ),
        (
            "rule",
            Value::Array(
                analysis
                    .rules
                    .iter()
                    .map(|one| Value::Table(rule(one)))
                    .collect(),
            ),
        ),
    ]);
    if let Some(traffic) = &config.synthetic {
        out.insert("synthetic".to_owned(), synthetic::synthetic(traffic).into());
    }
    out
}

fn cadence(cadence: &[Cadence]) -> Value {
    let one = |later: &Cadence| {
        Value::Table(table([
            ("after", duration(later.after_ms)),
            ("interval", duration(later.interval_ms)),
        ]))
    };
    Value::Array(cadence.iter().map(one).collect())
}

fn rule(rule: &Rule) -> Table {
    let mut out = Table::new();
    if rule.enough == Enough::Requests {
        // Requests are counted up to 32 bits in the file.
        let requests_min = i64::try_from(rule.requests_min).unwrap_or(i64::MAX);
        out.insert("requests_min".to_owned(), requests_min.into());
    }
    if rule.breaker {
        out.insert("breaker".to_owned(), true.into());
    }
    if rule.alone {
        out.insert("alone".to_owned(), true.into());
    }
    let mut put = |name: &str, value: Value| out.insert(name.to_owned(), value);
    if let Some(quantile) = rule
        .signal
        .quantile()
        .filter(|_| rule.signal != Signal::Latencies)
    {
        put("quantile", quantile.into());
    }
    if let Signal::Metric { name } = &rule.signal {
        put("metric", name.as_str().into());
    }
    put("signal", signal_word(&rule.signal).into());
    limits(rule, &mut out);
    out
}

/// What the rule allows.
fn limits(rule: &Rule, out: &mut Table) {
    let mut put = |name: &str, value: Value| out.insert(name.to_owned(), value);
    let unit = |value: f64| match rule.signal.kind() {
        SignalKind::Time => Value::String(format!("{value:.0}ms")),
        SignalKind::Checks => Value::Integer(value as i64),
        SignalKind::Share | SignalKind::Figure => Value::Float(value),
    };
    match &rule.test {
        Test::Limit { max } => {
            put("max", unit(*max));
        }
        Test::AtMost { max, matters } => {
            put("max", unit(*max));
            put("matters", unit(*matters));
        }
        Test::Window {
            reading,
            over_ms,
            max,
        } => {
            put("max", unit(*max));
            put("over", duration(*over_ms));
            put("reading", reading_word(*reading).into());
        }
        Test::Baseline { ratio_max, margin } => {
            put("ratio_max", (*ratio_max).into());
            put("worse_than_stable_by", unit(*margin));
        }
        // No file has such a rule: it is made from a comparison.
        Test::NotWorseThanBefore { tolerated } => {
            put("ratio_max", tolerated.ratio.into());
            put("worse_than_stable_by", unit(tolerated.margin));
        }
        Test::Beside {
            reading,
            over_ms,
            tolerated,
        } => {
            put("ratio_max", tolerated.ratio.into());
            put("worse_than_stable_by", unit(tolerated.margin));
            put("over", duration(*over_ms));
            put("reading", reading_word(*reading).into());
        }
        Test::NotWorse { tolerated, matters } => {
            put("ratio_max", tolerated.ratio.into());
            put("worse_than_stable_by", unit(tolerated.margin));
            put("matters_ratio", matters.ratio.into());
            put("matters_by", unit(matters.margin));
        }
    }
}

/// `error-rate`, `latency`, `metric`.
fn signal_word(signal: &Signal) -> &'static str {
    match signal {
        Signal::ErrorRate => "error-rate",
        Signal::Refusals => "refusals",
        Signal::Latency { .. } | Signal::Latencies => "latency",
        Signal::FirstToken { .. } => "first-token",
        Signal::TokenGap { .. } => "token-gap",
        Signal::TokenTime { .. } => "token-time",
        Signal::HealthFailures => "health",
        Signal::Metric { .. } => "metric",
    }
}

/// `latest`, `mean`, `p95`.
fn reading_word(reading: Reading) -> String {
    match reading {
        Reading::Latest => "latest".to_owned(),
        Reading::Mean => "mean".to_owned(),
        Reading::Quantile(quantile) => format!("p{}", quantile * 100.0),
    }
}

fn timeouts(config: &Config) -> Table {
    let timeouts = &config.timeouts;
    table([
        ("ready", duration(timeouts.ready_ms)),
        ("stop", duration(timeouts.stop_ms)),
        ("drain", duration(timeouts.drain_ms)),
        ("backup", duration(timeouts.backup_ms)),
        ("migrate", duration(timeouts.migrate_ms)),
        ("short", duration(timeouts.short_ms)),
    ])
}

fn release(release: &ReleaseConfig) -> Table {
    let mut out = table([
        ("version", release.id.as_str().into()),
        ("artifact", path(&release.artifact_path)),
        ("command", release.command.clone().into()),
    ]);
    if !release.env.is_empty() {
        out.insert("env".into(), variables(&release.env));
    }
    if let Some(migration) = &release.migration {
        out.insert("migrate".into(), migrate(migration).into());
    }
    out
}

fn hook(hook: &HookConfig) -> Table {
    let on = hook.on.iter().map(|point| Value::String(point.to_string()));
    table([
        ("name", hook.name.as_str().into()),
        ("on", Value::Array(on.collect())),
        ("command", hook.command.clone().into()),
        ("env", variables(&hook.env)),
        ("timeout", duration(hook.timeout_ms)),
        ("on_failure", hook.on_failure.as_str().into()),
        ("on_failure_back", hook.on_failure_back.as_str().into()),
    ])
}

fn variables(env: &BTreeMap<String, String>) -> Value {
    let pairs = env.iter();
    Value::Table(
        pairs
            .map(|(name, value)| (name.clone(), value.as_str().into()))
            .collect(),
    )
}

fn migrate(migration: &Migration) -> Table {
    let migration = match migration {
        Migration::Command(migration) => migration,
        Migration::Sql(sql) => return sql_migration(sql),
    };
    let proof = match &migration.proof {
        Proof::Command(command) => table([("command", command.argv.clone().into())]),
        Proof::Json {
            file,
            pointer,
            equals,
        } => table([
            ("file", path(file)),
            ("pointer", pointer.as_str().into()),
            ("equals", json(equals)),
        ]),
    };
    let mut out = table([
        ("command", migration.command.argv.clone().into()),
        ("proof", proof.into()),
    ]);
    if let Some(reverse) = &migration.reverse {
        out.insert("reverse".to_owned(), reverse.argv.clone().into());
    }
    out
}

fn sql_migration(sql: &SqlMigration) -> Table {
    let mut out = table([
        ("sql", path(&sql.folder)),
        ("store", sql.store.name.as_str().into()),
        ("lock_timeout", duration(sql.lock_timeout_ms)),
        ("statement_timeout", duration(sql.statement_timeout_ms)),
        ("pause", duration(sql.pause_ms)),
    ]);
    if let Some(version) = sql.server_version {
        out.insert("server_version".to_owned(), i64::from(version).into());
    }
    // A number of the file fits, for TOML has none that are larger.
    if let Some(through) = sql.through.and_then(|number| i64::try_from(number).ok()) {
        out.insert("through".to_owned(), through.into());
    }
    out
}

fn listen(listen: &Listen) -> Value {
    match listen {
        Listen::Unix(_) => "unix".into(),
        Listen::Tcp(address) => address.to_string().into(),
    }
}

fn duration(ms: u64) -> Value {
    duration_text(ms).into()
}

fn path(path: &Path) -> Value {
    path.to_string_lossy().as_ref().into()
}

/// A JSON value as TOML writes it.
pub(crate) fn json(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Bool(truth) => (*truth).into(),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) => whole.into(),
            None => number.as_f64().unwrap_or_default().into(),
        },
        serde_json::Value::String(text) => text.as_str().into(),
        serde_json::Value::Array(items) => Value::Array(items.iter().map(json).collect()),
        serde_json::Value::Object(object) => Value::Table(
            object
                .iter()
                .map(|(name, value)| (name.clone(), json(value)))
                .collect(),
        ),
        // Values come from TOML, which has no null.
        serde_json::Value::Null => "".into(),
    }
}
