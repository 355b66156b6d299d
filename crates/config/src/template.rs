//! The file that a new user starts from.

use std::net::SocketAddr;

use portcullis_rollout::StoreKind;
use toml::Value;

use crate::PortRange;

/// What a starter file is made for. Its values stand in the file as they are, so the file is right
/// exactly when they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateOptions {
    /// Where the JSON Schema of the file is (see [`crate::schema()`]), for editors: a path relative to the
    /// file's folder. The file's first line names it.
    pub schema: Option<String>,
    /// The service's name.
    pub service: String,
    /// The first release's version.
    pub version: String,
    /// The first release's program file.
    pub artifact: String,
    /// How it is started, with places such as `{port}`.
    pub command: Vec<String>,
    /// The path that answers 200 when the service is up.
    pub health_path: String,
    /// Its data, if any is known.
    pub store: Option<TemplateStore>,
    /// The ports that releases are given.
    pub ports: PortRange,
    /// Where clients connect.
    pub listen: SocketAddr,
}

/// Data of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateStore {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: StoreKind,
    /// Where it is: a path relative to the file's folder, or a URL or a reference to one.
    pub place: String,
}

impl TemplateStore {
    /// The key of its table that says where it is.
    #[must_use]
    pub fn key(&self) -> &'static str {
        match self.kind {
            StoreKind::Postgres | StoreKind::Redis | StoreKind::Bucket => "url",
            StoreKind::File
            | StoreKind::Directory
            | StoreKind::Sqlite
            | StoreKind::Chroma
            | StoreKind::Command => "path",
        }
    }
}

impl Default for TemplateOptions {
    /// A service that nothing is known about.
    fn default() -> TemplateOptions {
        let words = ["{artifact}", "--port", "{port}"];
        TemplateOptions {
            schema: None,
            service: "my-service".to_owned(),
            version: "1.0".to_owned(),
            artifact: "releases/1.0/my-service".to_owned(),
            command: words.map(str::to_owned).to_vec(),
            health_path: "/health".to_owned(),
            store: None,
            ports: PortRange::DEFAULT,
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
        }
    }
}

/// A commented portcullis.toml to start from. Prose stands behind `# `; a setting that is left at its
/// default stands behind `#` alone and works when that is removed.
pub fn template(options: &TemplateOptions) -> String {
    let text = |text: &str| Value::from(text).to_string();
    let command = Value::from(options.command.clone()).to_string();
    let schema = options.schema.as_ref();
    let parts = [
        (
            "@SCHEMA@",
            schema.map_or_else(String::new, |path| format!("#:schema {path}\n")),
        ),
        ("@SERVICE@", text(&options.service)),
        ("@VERSION@", text(&options.version)),
        ("@ARTIFACT@", text(&options.artifact)),
        ("@COMMAND@", command),
        ("@HEALTH@", text(&options.health_path)),
        ("@PORTS@", text(&options.ports.to_string())),
        ("@LISTEN@", text(&options.listen.to_string())),
        ("@STORE@", store(options.store.as_ref())),
        ("@MIGRATE@", migrate(options.store.as_ref())),
    ];
    // One pass over the text, so that a value is never taken for a part.
    let mut out = String::with_capacity(TEXT.len() * 2);
    let mut rest = TEXT;
    while let Some((at, name, value)) = parts
        .iter()
        .filter_map(|(name, value)| rest.find(name).map(|at| (at, *name, value)))
        .min_by_key(|(at, _, _)| *at)
    {
        out.push_str(&rest[..at]);
        out.push_str(value);
        rest = &rest[at + name.len()..];
    }
    out.push_str(rest);
    out
}

/// The store's table, commented out when there is none.
fn store(store: Option<&TemplateStore>) -> String {
    let Some(store) = store else {
        return "#[[store]]\n#name = \"library\"\n#kind = \"file\"\n#path = \"data/library.json\"\n"
            .to_owned();
    };
    let kind = store.kind;
    let text = |text: &str| Value::from(text).to_string();
    format!(
        "[[store]]\nname = {}\nkind = \"{kind}\"                     # file | directory | sqlite | postgres | redis ...; `portcullis docs store`\n{} = {}\n",
        text(&store.name),
        store.key(),
        text(&store.place)
    )
}

/// A migration of that store, commented out.
fn migrate(store: Option<&TemplateStore>) -> String {
    let place = format!("{{store.{}}}", store.map_or("library", |store| &store.name));
    let words = |words: [&str; 4]| Value::from(words.map(Value::from).to_vec()).to_string();
    format!(
        "#[release.migrate]\n#command = {}\n#proof = {{ command = {} }}\n",
        words(["{artifact}", "migrate", "--data", &place]),
        words(["{artifact}", "check", "--data", &place])
    )
}

const TEXT: &str = r##"@SCHEMA@# How Portcullis releases this service. All keys: `portcullis docs config`.
# Lines with a `#` and no blank after it are settings at their defaults, or examples: remove the `#`.
# Then: portcullis check, portcullis plan, portcullis serve, portcullis deploy.

[service]
name = @SERVICE@
#environment = "production"         # part of each backup's name
strategy = "canary"                 # canary | blue-green | at-once | cut-over
weights = [10, 50, 100]             # percent of the users, with a gate at each
#approval = "Release to production?" # asks a person before data or traffic is touched
ports = @PORTS@             # where releases listen, on loopback
#keep_warm = "10m"                  # the old release runs on, so that going back takes seconds
ready = { path = @HEALTH@, status = 200 }  # tells that a release is up

# Known questions and answers, asked of each release before it gets traffic. Repeat for more.
[[service.smoke]]
path = @HEALTH@
status = 200
#json = { "/version" = "{release}" } # values in the answer, by JSON pointer
#contains = "ok"                    # text in the answer

# Figures that the service reports of itself, for rules with signal = "metric".
#[service.metrics]
#path = "/metrics.json"
#[service.metrics.figures]
#queue = "/queue/length"

# Data that a release may change: backed up, and verified, before each rollout. Repeat for more.
@STORE@
[data]
compatible = true                   # the release that serves works on migrated data (rehearsed)
rollback = "restore"                # keep | reverse | restore
written_by = "service"              # service | migrations
accept_loss = false                 # true: restore without asking, and lose what was written since

# What must hold after each step of traffic. `portcullis gate explain` says what this gate sees, and after how long.
[gate]
window = "2m"
interval = "5s"
#samples_min = 3
extend = "30m"                      # little traffic: it goes on by itself until there is enough
#inconclusive = "ask"               # ask | hold | roll-back: when that was not enough either
[[gate.rule]]
signal = "error-rate"               # failed requests, while it serves alone
max = "5%"
alone = true
[[gate.rule]]
signal = "error-rate"               # not worse than the release that serves beside it
worse_than_stable_by = "0.2%"
matters_by = "1.2%"                 # so much worse is not let through
[[gate.rule]]
signal = "latency"                  # at p50, p90, p95 and p99
ratio_max = 1.2
worse_than_stable_by = "5ms"
matters_ratio = 1.4
[[gate.rule]]
signal = "health"                   # failed checks in a row
max = 2

[gateway]
listen = @LISTEN@           # where clients connect
#admin = "unix"                     # gateway.sock in the state folder, or "127.0.0.1:PORT", where
                                    # every call needs the token of the state folder
#sticky = "cookie"                  # cookie | header | address: what ties a user to a release
#sticky_name = "portcullis_user"
#force_header = true                # `canary: true` reaches the canary
#health = { interval = "1s", timeout = "1s", unhealthy_after = 3, healthy_after = 2 }

#[server]
#listen = "unix"                    # api.sock in the state folder, or "127.0.0.1:PORT"

#[state]
#folder = ".portcullis"
#vault = ".portcullis/vault"        # where backups go: better another disk
#journal = "sqlite"                 # or "env:JOURNAL_URL", a postgres://... that two engines share
#lease = "15s"

#[backup]
#keep_last = 5                      # the newest are kept
#keep_days = 14                     # and those of so many days; 7 outside of production
#keep_weekly = 4                    # and the newest of each of 4 weeks; also hourly, daily, monthly, yearly
#schedule = "15 2 * * *"            # `serve` makes one each night: minute, hour, day, month, day of the week
#age_max = "26h"                    # no rollout when the last verified one is older
#pause = "writes"                   # writes wait at the gateway meanwhile, so that several stores belong together

#[backup.encryption]                # `portcullis backup key new --file backup.key` makes a pair
#recipients = ["age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq"]
#identities = ["file:backup.key"]

#[[backup.copy]]                    # each backup goes there too
#name = "offsite"
#url = "s3://BUCKET/PREFIX"         # also gs:// and az://

#[drill]                            # tries a backup out: restore, start, smoke checks
#schedule = "0 4 1 */3 *"           # each quarter
#rto = "30m"                        # how long that may take
#rpo = "26h"                        # how old the data may be

#[timeouts]
#ready = "30s"
#stop = "10s"
#drain = "30s"
#backup = "10m"
#migrate = "30m"
#short = "30s"

# Versions of the service. The program's SHA-256 goes into the plan. Repeat for more.
[[release]]
version = @VERSION@
artifact = @ARTIFACT@
command = @COMMAND@
#env = { RELEASE = "{release}", API_TOKEN = "env:API_TOKEN" } # secrets: env:, file: or cmd:
# What the release does to the data: tried on a restored copy first. Exit codes are not proof.
@MIGRATE@
# Commands of yours at the steps of a rollout. Repeat for more.
#[[hook]]
#name = "tell"
#on = ["after-promote"]             # before-KIND | after-KIND | notice
#command = ["./tell.sh"]            # gets the plan and the verdict as JSON on its standard input

# What differs in one environment, chosen with --env staging. Any table above may stand below it.
#[environment.staging.service]
#weights = [50, 100]
"##;

#[cfg(test)]
mod tests;
