//! `spin.toml`, as far as this host needs it. Keys that it does not know are left to Spin.

use crate::options::Options;
use crate::outbound::Entry;
use crate::values::Variable;
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One component behind one HTTP route.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// The manifest's own path and directory, absolute.
    pub(crate) path: PathBuf,
    pub(crate) directory: PathBuf,
    pub(crate) route: String,
    pub(crate) wasm: PathBuf,
    pub(crate) build: Option<Build>,
    /// The application's variables, and the templates that make the component's own from them.
    pub(crate) variables: BTreeMap<String, Variable>,
    pub(crate) templates: BTreeMap<String, String>,
    /// Whether the component may open the database `default`, the only one there is.
    pub(crate) sqlite: bool,
    /// Where the component may connect to.
    pub(crate) outbound: Vec<Entry>,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Build {
    pub(crate) commands: Vec<String>,
    pub(crate) directory: PathBuf,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    variables: BTreeMap<String, Variable>,
    #[serde(default)]
    trigger: Triggers,
    #[serde(default)]
    component: BTreeMap<String, Component>,
}

#[derive(Default, Deserialize)]
struct Triggers {
    #[serde(default)]
    http: Vec<Trigger>,
}

#[derive(Deserialize)]
struct Trigger {
    route: String,
    component: String,
}

#[derive(Deserialize)]
struct Component {
    source: PathBuf,
    #[serde(default)]
    variables: BTreeMap<String, String>,
    #[serde(default)]
    sqlite_databases: Vec<String>,
    #[serde(default)]
    allowed_outbound_hosts: Vec<String>,
    build: Option<BuildTable>,
}

#[derive(Deserialize)]
struct BuildTable {
    command: Commands,
    #[serde(default)]
    workdir: PathBuf,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Commands {
    One(String),
    Many(Vec<String>),
}

impl Manifest {
    /// Where state is kept: a directory that exists from now on.
    pub(crate) fn state_directory(&self, options: &Options) -> Result<PathBuf> {
        let directory = options.state_dir.clone().unwrap_or_else(|| self.directory.join(".dev-host"));
        let failed =
            || format!("cannot make the state directory {}: choose another with --state-dir", directory.display());
        std::fs::create_dir_all(&directory).with_context(failed)?;
        Ok(directory)
    }

    /// Reads the manifest at `path`, or in the directory `path`; without one, `spin.toml` here, else the workspace's.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self> {
        let path = match path {
            Some(path) if path.is_dir() => path.join("spin.toml"),
            Some(path) => path.into(),
            None => default_path(),
        };
        let missing = || format!("cannot read {}: give the path of a spin.toml with --from", path.display());
        let path = path.canonicalize().with_context(missing)?;
        let text = std::fs::read_to_string(&path).with_context(missing)?;
        Self::parse(&path, &text)
            .with_context(|| format!("{} is not a manifest that this host can run", path.display()))
    }

    fn parse(path: &Path, text: &str) -> Result<Self> {
        let directory = path.parent().unwrap_or(Path::new("/")).to_path_buf();
        let table: toml::Table = toml::from_str(text).map_err(on_one_line)?;
        let version = table.get("spin_manifest_version").and_then(toml::Value::as_integer);
        ensure!(version == Some(2), "spin_manifest_version must be 2");
        let mut file: File = table.try_into().map_err(on_one_line)?;

        let [trigger] = file.trigger.http.as_slice() else {
            bail!("it has {} [[trigger.http]] tables and must have one", file.trigger.http.len());
        };
        ensure!(
            !trigger.route.contains(':'),
            "the route `{}` has a named segment, which only Spin serves",
            trigger.route
        );
        let name = &trigger.component;
        let Some(component) = file.component.remove(name) else {
            bail!("there is no [component.{name}], which the HTTP trigger names");
        };
        for label in &component.sqlite_databases {
            ensure!(label == "default", "the component uses the SQLite database `{label}`; only `default` is there");
        }
        for (name, variable) in &file.variables {
            match (variable.required, &variable.default) {
                (true, None) | (false, Some(_)) => {}
                _ => bail!("the variable `{name}` must have either a default or required = true"),
            }
        }
        Ok(Self {
            path: path.into(),
            route: trigger.route.clone(),
            wasm: directory.join(component.source),
            build: component.build.map(|build| Build {
                commands: match build.command {
                    Commands::One(command) => vec![command],
                    Commands::Many(commands) => commands,
                },
                directory: directory.join(build.workdir),
            }),
            variables: file.variables,
            templates: component.variables,
            sqlite: !component.sqlite_databases.is_empty(),
            outbound: component.allowed_outbound_hosts.iter().map(|text| Entry::read(text)).collect::<Result<_>>()?,
            directory,
        })
    }
}

fn default_path() -> PathBuf {
    let here = PathBuf::from("spin.toml");
    if here.exists() {
        return here;
    }
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../spin.toml")
}

/// The parser draws the place on several lines; an error here is one sentence.
fn on_one_line(error: toml::de::Error) -> anyhow::Error {
    anyhow::anyhow!("{}", error.message())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        spin_manifest_version = 2
        [application]
        name = "an app"
        [variables]
        a = { default = "1" }
        b = { required = true, secret = true }
        [[trigger.http]]
        route = "/..."
        component = "hub"
        [component.hub]
        source = "target/hub.wasm"
        sqlite_databases = ["default"]
        allowed_outbound_hosts = ["{{ a }}", "redis://h"]
        [component.hub.variables]
        c = "{{ a }}"
        [component.hub.build]
        command = "make"
        watch = ["src"]
    "#;

    fn parsed(text: &str) -> Result<Manifest> {
        Manifest::parse(Path::new("/app/spin.toml"), text)
    }

    #[test]
    fn a_manifest_is_read_and_unknown_keys_are_ignored() {
        let manifest = parsed(GOOD).unwrap();
        assert_eq!(manifest.directory, Path::new("/app"));
        assert_eq!(manifest.wasm, Path::new("/app/target/hub.wasm"));
        assert_eq!(manifest.route, "/...");
        assert_eq!(manifest.build, Some(Build { commands: vec!["make".into()], directory: "/app/".into() }));
        assert_eq!(manifest.variables["a"], Variable { required: false, default: Some("1".into()), secret: false });
        assert_eq!(manifest.variables["b"], Variable { required: true, default: None, secret: true });
        assert_eq!(manifest.templates["c"], "{{ a }}");
        assert!(manifest.sqlite);
        assert_eq!(manifest.outbound, ["{{ a }}", "redis://h"].map(|text| Entry::read(text).unwrap()));
    }

    #[test]
    fn several_build_commands_and_their_directory_are_read() {
        let text = GOOD.replace(r#"command = "make""#, "command = [\"one\", \"two\"]\nworkdir = \"sub\"");
        let build = parsed(&text).unwrap().build.unwrap();
        assert_eq!(build, Build { commands: vec!["one".into(), "two".into()], directory: "/app/sub".into() });
    }

    #[test]
    fn a_bad_manifest_is_refused_with_one_sentence() {
        for (from, to, expected) in [
            ("spin_manifest_version = 2", "", "spin_manifest_version must be 2"),
            ("spin_manifest_version = 2", "spin_manifest_version = \"1\"", "spin_manifest_version must be 2"),
            ("route = \"/...\"", "", "missing field `route`"),
            ("route = \"/...\"", "route = \"/:id\"", "named segment"),
            ("source = \"target/hub.wasm\"", "", "missing field `source`"),
            ("component = \"hub\"", "component = \"nope\"", "there is no [component.nope]"),
            ("[[trigger.http]]", "[[trigger.redis]]", "it has 0 [[trigger.http]] tables"),
            (
                "[component.hub]",
                "[[trigger.http]]\nroute = \"/x\"\ncomponent = \"hub\"\n[component.hub]",
                "it has 2 [[trigger.http]]",
            ),
            ("[\"default\"]", "[\"other\"]", "SQLite database `other`"),
            ("redis://h", "redis://h/0", "`redis://h/0` is not an outbound host: it must have no path"),
            ("a = { default = \"1\" }", "a = {}", "the variable `a` must have either"),
            ("required = true, secret = true", "required = true, default = \"\"", "the variable `b` must have either"),
            ("[application]", "[application", "unclosed table, expected `]`"),
        ] {
            let text = GOOD.replacen(from, to, 1);
            assert_ne!(text, GOOD, "{from}");
            let error = format!("{:#}", parsed(&text).unwrap_err());
            assert!(error.contains(expected), "{error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
    }

    #[test]
    fn a_missing_manifest_is_named() {
        let error = format!("{:#}", Manifest::load(Some(Path::new("/no/such/spin.toml"))).unwrap_err());
        assert!(error.starts_with("cannot read /no/such/spin.toml: give the path"), "{error}");
    }
}
