//! Configuration in layers, flag over environment over file over default, and which layer each value came from.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use thespian_core::capability::Value as Capability;
use thespian_core::connection::ListenRule;
use thespian_core::limits::{
    ActorLimits, COMPILE_MEMORY_BYTES_LEAST, CONFIG_BYTES_MAX, GUEST_THREADS_MAX, LOG_FILE_BYTES_MAX_MIN,
    LimitError, MEMORY_BUDGET_BYTES_LEAST, PERSON_TIME_MOST, RANGES, STORE_BYTES_LEAST,
};
use thespian_core::log_level::LogLevel;
use thespian_host::config::{Authority, NodeConfig};
use thespian_host::sandbox::THIS_PROGRAM;
use thespian_host::typed_text::capability;
use toml::{Table, Value};

use super::given;
use super::outcome::Usage;

const ENV_PREFIX: &str = "THESPIAN_HOST_";
/// Variables that are no configuration of a node.
const OTHER_VARIABLES: [&str; 6] = ["CONFIG", "CONNECT", "TOKEN_FILE", "ENDPOINT", "LOG_LEVEL", "LOG_FORMAT"];

/// Its value may be a secret: it is not shown.
pub(super) const AUTHORITY_INIT: &str = "authority-init";
/// Likewise: it has first messages.
pub(super) const ACTOR: &str = "actor";
const SOURCE: &str = "source";
const ALLOW_LISTEN: &str = "allow-listen";
const KEEP_TOKENS: &str = "control.keep-tokens";

/// Keys outside of tables, and what it means that one is absent.
const KEYS: [(&str, &str); 25] = [
    ("data-dir", ""),
    ("cache-dir", "in the data directory"),
    ("listen", "no TCP"),
    (KEEP_TOKENS, ""),
    ("control.socket", "only the one in the data directory"),
    (ALLOW_LISTEN, "actors listen nowhere"),
    ("authority", ""),
    ("authority-file", "no actor judges"),
    ("authority-sha256", "any"),
    ("authority-class", "the only one of its source"),
    (AUTHORITY_INIT, "none"),
    ("judgement-ms-max", "two minutes; a week for a person"),
    ("policy", "in the data directory"),
    ("store-bytes-max", "4 GiB"),
    (SOURCE, "none"),
    (ACTOR, "none"),
    ("apps", "none"),
    ("memory-budget-bytes", "60 % of the machine's or the control group's"),
    ("compile-memory-bytes-max", "by the component's size"),
    ("compile-cpu-ms-max", "by the component's size"),
    ("actors-max", "as many as the machine can map"),
    ("guest-threads", "one per core"),
    ("actor-log-level", ""),
    ("log-file", "none"),
    ("log-file-bytes-max", "10 MiB"),
];
const NUMBERS: [&str; 8] = [
    "store-bytes-max",
    "judgement-ms-max",
    "memory-budget-bytes",
    "compile-memory-bytes-max",
    "compile-cpu-ms-max",
    "actors-max",
    "guest-threads",
    "log-file-bytes-max",
];

#[derive(Args)]
pub(super) struct ConfigArgs {
    /// A configuration file in TOML.
    #[arg(long, value_name = "FILE", env = "THESPIAN_HOST_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    /// A directory for this node alone: its identity, its control socket and token, its compile cache. Made if
    /// missing [default: `thespian-host` in the user's data directory] [env: THESPIAN_HOST_DATA_DIR].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// A directory for compiled code, which nodes of one user may share; made if missing [default: `cache` in the data
    /// directory] [env: THESPIAN_HOST_CACHE_DIR].
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    /// Lets programs on this machine control the node over TCP too: a loopback address, port 0 for any [env:
    /// THESPIAN_HOST_LISTEN].
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Keeps the secrets for TCP from start to start, in place of new ones [env: THESPIAN_HOST_CONTROL_KEEP_TOKENS].
    #[arg(long)]
    keep_tokens: bool,
    /// Lets actors be granted TCP connections at this IP address, or at this one port of it; may be repeated [default:
    /// actors listen nowhere] [env: THESPIAN_HOST_ALLOW_LISTEN, separated by commas].
    #[arg(long, value_name = "IP[:PORT]")]
    allow_listen: Vec<ListenRule>,
    /// Judge of sources: `none` refuses every load, `keys` admits what keys have signed that the policy trusts, `trust-all`
    /// approves everything and is for development only; with `person` sources wait until `approve` or `refuse`; with `actor` the
    /// actor of `--authority-file` says [default: none] [env: THESPIAN_HOST_AUTHORITY].
    #[arg(long, value_name = "WHO", value_parser = ["none", "keys", "person", "actor", "trust-all"], hide_possible_values = true)]
    authority: Option<String>,
    /// The component of the actor that is the authority. It needs nobody's approval, is created before anybody is served, and
    /// anew whenever it ends [env: THESPIAN_HOST_AUTHORITY_FILE].
    #[arg(long, value_name = "FILE")]
    authority_file: Option<PathBuf>,
    /// The hash that this component has to have [default: any] [env: THESPIAN_HOST_AUTHORITY_SHA256].
    #[arg(long, value_name = "HASH")]
    authority_sha256: Option<String>,
    /// The class of that actor [default: the only one of its source] [env: THESPIAN_HOST_AUTHORITY_CLASS].
    #[arg(long, value_name = "CLASS")]
    authority_class: Option<String>,
    /// The message that it starts with: a type name, and behind a `=` its content as JSON. Secrets are better in the
    /// configuration file: a command line is seen by others [default: none] [env: THESPIAN_HOST_AUTHORITY_INIT].
    #[arg(long, value_name = "TYPE[=JSON]")]
    authority_init: Option<String>,
    /// Time in which a source is to be judged; then it is refused [default: two minutes, and a week for a person] [env:
    /// THESPIAN_HOST_JUDGEMENT_MS_MAX].
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(i64).range(1..=PERSON_TIME_MOST.as_millis() as i64))]
    judgement_ms_max: Option<i64>,
    /// The policy by which keys are trusted [default: `policy.toml` in the data directory] [env: THESPIAN_HOST_POLICY].
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Memory that the node may take for actors, messages, sources and their compilers [default: 60 % of the machine's or
    /// the control group's] [env: THESPIAN_HOST_MEMORY_BUDGET_BYTES].
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(i64).range(MEMORY_BUDGET_BYTES_LEAST as i64..))]
    memory_budget_bytes: Option<i64>,
    /// Memory for compiling one source, in a process of its own [default: 512 MiB and 64 times the component's size, at most
    /// 3 GiB and 30 % of the machine's or the control group's] [env: THESPIAN_HOST_COMPILE_MEMORY_BYTES_MAX].
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(i64).range(COMPILE_MEMORY_BYTES_LEAST as i64..))]
    compile_memory_bytes_max: Option<i64>,
    /// CPU time for compiling one source [default: 10 s and 3 s for each mebibyte] [env:
    /// THESPIAN_HOST_COMPILE_CPU_MS_MAX].
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(i64).range(1..))]
    compile_cpu_ms_max: Option<i64>,
    /// Live actors at most [default: as many as the machine can map] [env: THESPIAN_HOST_ACTORS_MAX].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    actors_max: Option<u32>,
    /// Threads that run actors [default: one per core] [env: THESPIAN_HOST_GUEST_THREADS].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=GUEST_THREADS_MAX as i64))]
    guest_threads: Option<u32>,
    /// Bytes of all sources that are kept in the data directory [default: 4 GiB] [env: THESPIAN_HOST_STORE_BYTES_MAX].
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(i64).range(STORE_BYTES_LEAST as i64..))]
    store_bytes_max: Option<i64>,
    /// A directory of files, `*.toml`, that say which sources are loaded at the start and which actors of them run [default: none]
    /// [env: THESPIAN_HOST_APPS].
    #[arg(long, value_name = "DIR")]
    apps: Option<PathBuf>,
    /// Records of actors to keep: `off`, `error`, `warn`, `info`, `debug` or `trace`; `log-level` changes it
    /// later [default: info] [env: THESPIAN_HOST_ACTOR_LOG_LEVEL].
    #[arg(long, value_name = "LEVEL")]
    actor_log_level: Option<LogLevel>,
    /// Writes the log to this file too, as `logs --json` prints it [default: none] [env: THESPIAN_HOST_LOG_FILE].
    #[arg(long, value_name = "FILE")]
    log_file: Option<PathBuf>,
    /// How large that file gets before it is renamed to end in `.old`, in place of the one before [default: 10 MiB]
    /// [env: THESPIAN_HOST_LOG_FILE_BYTES_MAX].
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(i64).range(LOG_FILE_BYTES_MAX_MIN as i64..))]
    log_file_bytes_max: Option<i64>,
    /// Capability of this host, for actors that require it; may be repeated [env: THESPIAN_HOST_CAPABILITIES, separated
    /// by commas].
    #[arg(long = "capability", value_name = "NAME[=VALUE]", value_parser = capability)]
    capabilities: Vec<(String, Capability)>,
    /// Limit of each actor, by its name in the configuration file: `memory-bytes-max=1048576`; may be repeated
    /// [env: THESPIAN_HOST_LIMITS_MEMORY_BYTES_MAX and so on].
    #[arg(long = "limit", value_name = "NAME=N", value_parser = limit)]
    limits: Vec<(String, i64)>,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SetBy {
    Default,
    File(PathBuf),
    Environment(String),
    Flag(String),
}

impl fmt::Display for SetBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// A key, its value if it has one, and the layer that decided.
pub(super) struct Setting {
    pub(super) key: String,
    pub(super) value: Option<Value>,
    /// The meaning of an absent value.
    pub(super) absent: &'static str,
    pub(super) origin: SetBy,
}

/// A configuration and where each of its values came from.
pub(super) struct Layered {
    pub(super) config: NodeConfig,
    pub(super) settings: Vec<Setting>,
    /// Variables that look like ours and are none of ours.
    pub(super) unknown_variables: Vec<String>,
}

impl ConfigArgs {
    pub(super) fn resolve(&self) -> Result<Layered> {
        let mut layers = Layers::defaults()?;
        if let Some(path) = &self.config {
            layers.file(path)?;
        }
        let variables = env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            let short = name.strip_prefix(ENV_PREFIX)?.to_string();
            // Set to nothing is the shell's way to take one back.
            (!value.is_empty()).then_some((short, value))
        });
        // In order, so that of several mistakes always the same is told.
        let variables: BTreeMap<_, _> = variables.collect();
        let mut unknown_variables = Vec::new();
        for (short, value) in variables {
            let name = format!("{ENV_PREFIX}{short}");
            let Some(text) = value.to_str() else {
                return Err(Usage(format!("{name} is not UTF-8")).into());
            };
            if !layers.variable(&short, &name, text)? {
                unknown_variables.push(name);
            }
        }
        self.flags(&mut layers)?;
        layers.finish(unknown_variables)
    }

    fn flags(&self, layers: &mut Layers) -> Result<()> {
        let flag = |name: &str| SetBy::Flag(format!("--{name}"));
        if let Some(dir) = &self.data_dir {
            let dir = dir.to_str().ok_or_else(|| Usage("--data-dir is not UTF-8".to_string()))?;
            layers.set("data-dir", Value::String(dir.to_string()), flag("data-dir"))?;
        }
        if let Some(dir) = &self.cache_dir {
            let dir = dir.to_str().ok_or_else(|| Usage("--cache-dir is not UTF-8".to_string()))?;
            layers.set("cache-dir", Value::String(dir.to_string()), flag("cache-dir"))?;
        }
        if let Some(address) = self.listen {
            layers.set("listen", Value::String(address.to_string()), flag("listen"))?;
        }
        if self.keep_tokens {
            layers.set(KEEP_TOKENS, Value::Boolean(true), flag("keep-tokens"))?;
        }
        if !self.allow_listen.is_empty() {
            let rules = self.allow_listen.iter().map(|rule| Value::String(rule.to_string()));
            layers.set(ALLOW_LISTEN, Value::Array(rules.collect()), flag(ALLOW_LISTEN))?;
        }
        if let Some(authority) = &self.authority {
            layers.set("authority", Value::String(authority.clone()), flag("authority"))?;
        }
        if let Some(file) = &self.authority_file {
            let file = file.to_str().ok_or_else(|| Usage("--authority-file is not UTF-8".to_string()))?;
            layers.set("authority-file", Value::String(file.to_string()), flag("authority-file"))?;
        }
        let of_authority = [
            ("authority-sha256", &self.authority_sha256),
            ("authority-class", &self.authority_class),
            (AUTHORITY_INIT, &self.authority_init),
        ];
        for (key, value) in of_authority {
            if let Some(value) = value {
                layers.set(key, Value::String(value.clone()), flag(key))?;
            }
        }
        if let Some(dir) = &self.apps {
            let dir = dir.to_str().ok_or_else(|| Usage("--apps is not UTF-8".to_string()))?;
            layers.set("apps", Value::String(dir.to_string()), flag("apps"))?;
        }
        if let Some(file) = &self.policy {
            let file = file.to_str().ok_or_else(|| Usage("--policy is not UTF-8".to_string()))?;
            layers.set("policy", Value::String(file.to_string()), flag("policy"))?;
        }
        let numbers = [
            ("judgement-ms-max", self.judgement_ms_max),
            ("store-bytes-max", self.store_bytes_max),
            ("memory-budget-bytes", self.memory_budget_bytes),
            ("compile-memory-bytes-max", self.compile_memory_bytes_max),
            ("compile-cpu-ms-max", self.compile_cpu_ms_max),
            ("actors-max", self.actors_max.map(i64::from)),
            ("guest-threads", self.guest_threads.map(i64::from)),
            ("log-file-bytes-max", self.log_file_bytes_max),
        ];
        for (key, number) in numbers {
            if let Some(number) = number {
                layers.set(key, Value::Integer(number), flag(key))?;
            }
        }
        if let Some(level) = self.actor_log_level {
            layers.set("actor-log-level", Value::String(level.to_string()), flag("actor-log-level"))?;
        }
        if let Some(file) = &self.log_file {
            let file = file.to_str().ok_or_else(|| Usage("--log-file is not UTF-8".to_string()))?;
            layers.set("log-file", Value::String(file.to_string()), flag("log-file"))?;
        }
        for (name, value) in &self.capabilities {
            layers.set(&format!("capabilities.{name}"), as_toml(value), flag("capability"))?;
        }
        for (name, value) in &self.limits {
            layers.set(&format!("limits.{name}"), Value::Integer(*value), flag("limit"))?;
        }
        Ok(())
    }
}

struct Layers {
    settings: Vec<Setting>,
}

impl Layers {
    fn defaults() -> Result<Self> {
        let mut settings = Vec::new();
        for (key, absent) in KEYS {
            let value = match key {
                // Where there is none, it must be given; that is seen at the end.
                "data-dir" => {
                    default_data_dir().ok().map(|dir| Value::String(dir.to_string_lossy().into_owned()))
                }
                "authority" => Some(Value::String(Authority::default().name().to_string())),
                "actor-log-level" => Some(Value::String(LogLevel::default().to_string())),
                KEEP_TOKENS => Some(Value::Boolean(false)),
                _ => None,
            };
            settings.push(Setting { key: key.to_string(), value, absent, origin: SetBy::Default });
        }
        for (name, value) in Table::try_from(ActorLimits::default())? {
            let key = format!("limits.{name}");
            settings.push(Setting { key, value: Some(value), absent: "", origin: SetBy::Default });
        }
        Ok(Self { settings })
    }

    fn file(&mut self, path: &Path) -> Result<()> {
        let bytes = given::read_file(path, "a configuration file", CONFIG_BYTES_MAX)?;
        let text = String::from_utf8(bytes)
            .map_err(|_| Usage(format!("the configuration file {} is not UTF-8", path.display())))?;
        let wrong = |error: toml::de::Error| {
            let at = error.span().map_or(0, |span| span.start.min(text.len()));
            let line = text[..at].lines().count().max(1);
            let shown = text.lines().nth(line - 1).unwrap_or_default();
            // It may have a secret in it.
            let why = if shown.contains("init") {
                format!("line {line}: {}", error.message())
            } else {
                error.to_string()
            };
            Usage(format!("in {}: {why}", path.display()))
        };
        // Read as a whole first: such an error names the line.
        toml::from_str::<NodeConfig>(&text).map_err(wrong)?;
        let table: Table = toml::from_str(&text).map_err(wrong)?;
        for (key, value) in table {
            match value {
                Value::Table(members) => {
                    for (name, value) in members {
                        self.put(&format!("{key}.{name}"), value, SetBy::File(path.to_path_buf()));
                    }
                }
                mut value => {
                    if key == SOURCE {
                        beside(path, &mut value);
                    }
                    self.put(&key, value, SetBy::File(path.to_path_buf()));
                }
            }
        }
        Ok(())
    }

    /// Takes a variable, if it is one of ours.
    fn variable(&mut self, short: &str, name: &str, text: &str) -> Result<bool> {
        let origin = || SetBy::Environment(name.to_string());
        if OTHER_VARIABLES.contains(&short) {
            return Ok(true);
        }
        if short == "CAPABILITIES" {
            for item in items(text) {
                let (key, value) =
                    capability(item).map_err(|why| Usage(format!("{name}: `{item}`: {why}")))?;
                self.set(&format!("capabilities.{key}"), as_toml(&value), origin())?;
            }
            return Ok(true);
        }
        let variable_of = |key: &str| key.to_uppercase().replace(['-', '.'], "_");
        let Some(key) =
            self.settings.iter().map(|setting| &setting.key).find(|key| variable_of(key) == short)
        else {
            return Ok(false);
        };
        let key = key.clone();
        let value = if NUMBERS.contains(&key.as_str()) || key.starts_with("limits.") {
            let number = text.parse().map_err(|_| Usage(format!("{name}: `{text}` is no whole number")))?;
            Value::Integer(number)
        } else if key == KEEP_TOKENS {
            let value =
                text.parse().map_err(|_| Usage(format!("{name}: `{text}` is neither true nor false")))?;
            Value::Boolean(value)
        } else if key == ALLOW_LISTEN {
            Value::Array(items(text).map(|item| Value::String(item.to_string())).collect())
        } else {
            Value::String(text.to_string())
        };
        self.set(&key, value, origin())?;
        Ok(true)
    }

    /// Sets a value after having looked whether it makes sense.
    fn set(&mut self, key: &str, value: Value, origin: SetBy) -> Result<()> {
        let mut alone = Table::new();
        enter(&mut alone, key, value.clone());
        if let Err(error) = alone.try_into::<NodeConfig>() {
            let (SetBy::Flag(name) | SetBy::Environment(name)) = &origin else { return Err(error.into()) };
            let limit =
                key.strip_prefix("limits.").and_then(|name| RANGES.iter().find(|range| range.name == name));
            let can_be = limit.map(|range| format!("; it can be {} to {}", range.least, range.most));
            let (why, can_be) = (error.message(), can_be.unwrap_or_default());
            return Err(Usage(format!("{name}: {value} does not fit `{key}`: {why}{can_be}")).into());
        }
        self.put(key, value, origin);
        Ok(())
    }

    fn put(&mut self, key: &str, value: Value, origin: SetBy) {
        if let Some(setting) = self.settings.iter_mut().find(|setting| setting.key == key) {
            setting.value = Some(value);
            setting.origin = origin;
            return;
        }
        // Only capabilities are not known beforehand; they stand before the limits.
        let at = self.settings.iter().position(|setting| setting.key.starts_with("limits."));
        let setting = Setting { key: key.to_string(), value: Some(value), absent: "", origin };
        self.settings.insert(at.unwrap_or(self.settings.len()), setting);
    }

    /// The layer that has a part in the mistake: of two limits that do not fit each other, one may be a default.
    fn who_set(&self, error: &LimitError) -> String {
        let (name, other) = error.names();
        let origin = |name: &str| {
            let setting =
                self.settings.iter().find(|setting| setting.key.strip_prefix("limits.") == Some(name));
            setting.map(|setting| &setting.origin).filter(|origin| **origin != SetBy::Default)
        };
        match origin(name).or_else(|| origin(other?)) {
            Some(SetBy::Flag(name) | SetBy::Environment(name)) => name.clone(),
            Some(SetBy::File(path)) => format!("in {}", path.display()),
            Some(SetBy::Default) | None => "the defaults".to_string(),
        }
    }

    fn finish(self, unknown_variables: Vec<String>) -> Result<Layered> {
        let mut table = Table::new();
        for setting in &self.settings {
            if let Some(value) = &setting.value {
                enter(&mut table, &setting.key, value.clone());
            }
        }
        let config: NodeConfig = table.try_into().context("the layers do not fit together")?;
        let config = NodeConfig { compiler: Some(THIS_PROGRAM.into()), ..config };
        config.limits.check().map_err(|error| Usage(format!("{}: {error}", self.who_set(&error))))?;
        if config.data_dir.is_none() {
            // Says why there is no default.
            default_data_dir()?;
        }
        Ok(Layered { config, settings: self.settings, unknown_variables })
    }
}

/// Sources that a file names lie beside it, unless it says where.
fn beside(file: &Path, sources: &mut Value) {
    let dir = file.parent().unwrap_or(Path::new(""));
    let tables = sources.as_array_mut().into_iter().flatten().filter_map(Value::as_table_mut);
    for named in
        tables.flat_map(|table| table.iter_mut()).filter(|(key, _)| *key == "file" || *key == "manifest")
    {
        if let (_, Value::String(named)) = named
            && let Some(whole) = dir.join(&*named).to_str()
        {
            *named = whole.to_string();
        }
    }
}

/// Items of a list in a variable.
fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// Puts a value at `key` or `table.name`; a name may have dots.
fn enter(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => drop(table.insert(key.to_string(), value)),
        Some((outer, name)) => {
            let inner = table.entry(outer).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                inner.insert(name.to_string(), value);
            }
        }
    }
}

fn as_toml(value: &Capability) -> Value {
    match value {
        Capability::Boolean(value) => Value::Boolean(*value),
        Capability::Integer(value) => Value::Integer(*value),
        Capability::Number(value) => Value::Float(*value),
        Capability::Text(value) => Value::String(value.clone()),
    }
}

fn limit(text: &str) -> Result<(String, i64), String> {
    let (name, number) = text.split_once('=').ok_or("a limit looks like `memory-bytes-max=1048576`")?;
    let number = number.parse().map_err(|_| format!("`{number}` is no whole number"))?;
    Ok((name.to_string(), number))
}

/// Where a user's own settings lie: as the XDG base directory specification has it.
pub(super) fn default_config_dir() -> Result<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")));
    let home = home
        .ok_or_else(|| Usage("neither XDG_CONFIG_HOME nor HOME is set: name the key's file".to_string()))?;
    Ok(home.join("thespian-host"))
}

/// Where a node keeps its files when nobody says: as the XDG base directory specification has it.
pub(super) fn default_data_dir() -> Result<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data_home = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")));
    let data_home = data_home.ok_or_else(|| {
        Usage("neither XDG_DATA_HOME nor HOME is set: name the data directory with --data-dir".to_string())
    })?;
    Ok(data_home.join("thespian-host"))
}
