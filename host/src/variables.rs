//! `spin:variables`: values for the variables of the manifest.

use crate::manifest::Manifest;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::sync::Arc;
use wasmtime::component::{Accessor, HasSelf, Linker};

#[allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "generated code")]
mod bindings {
    wasmtime::component::bindgen!({ path: "wit/variables.wit", world: "serves-variables" });
}

use bindings::spin::variables::variables::{Error, Host, HostWithStore};

/// The component's variables, by name.
#[derive(Clone, Debug)]
pub(crate) struct Variables(Arc<BTreeMap<String, String>>);

impl Variables {
    /// Fills in the manifest's templates. A value given by the user comes before the environment's, and that before the default.
    pub(crate) fn resolve(
        manifest: &Manifest,
        given: &[(String, String)],
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        for (name, _) in given {
            if !manifest.variables.contains_key(name) {
                let names: Vec<_> = manifest.variables.keys().map(String::as_str).collect();
                let known =
                    if names.is_empty() { "it has none".into() } else { format!("it has {}", names.join(", ")) };
                bail!("the manifest has no variable `{name}`; {known}");
            }
        }
        let mut values = BTreeMap::new();
        for (name, variable) in &manifest.variables {
            check_name(name).map_err(|reason| anyhow::anyhow!("`{name}` cannot name a variable: {reason}"))?;
            let from_environment = format!("SPIN_VARIABLE_{}", name.to_ascii_uppercase());
            let chosen = given.iter().rfind(|(given, _)| given == name).map(|(_, value)| value.clone());
            let Some(value) = chosen.or_else(|| environment(&from_environment)).or_else(|| variable.default.clone())
            else {
                bail!("the variable `{name}` needs a value: give --variable {name}=VALUE or set {from_environment}");
            };
            values.insert(name.as_str(), value);
        }
        let mut resolved = BTreeMap::new();
        for (name, template) in &manifest.templates {
            check_name(name).map_err(|reason| anyhow::anyhow!("`{name}` cannot name a variable: {reason}"))?;
            let value = expand(template, &values)
                .with_context(|| format!("the component's variable `{name}` has a bad template"))?;
            resolved.insert(name.clone(), value);
        }
        Ok(Self(Arc::new(resolved)))
    }

    fn get(&self, name: &str) -> Result<String, Error> {
        check_name(name).map_err(|reason| Error::InvalidName(format!("{name:?}: {reason}")))?;
        self.0.get(name).cloned().ok_or_else(|| Error::Undefined(format!("the component has no variable {name:?}")))
    }
}

/// Text, with `{{ name }}` in place of the values.
fn expand(template: &str, values: &BTreeMap<&str, String>) -> Result<String> {
    let mut expanded = String::new();
    let mut rest = template;
    while let Some((text, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").context("a `{{` has no `}}`")?;
        let name = name.trim();
        let value = values.get(name).with_context(|| format!("the manifest has no variable `{name}`"))?;
        expanded.push_str(text);
        expanded.push_str(value);
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// Lower-case words of letters and digits, joined by single underscores, the first character a letter.
fn check_name(name: &str) -> Result<(), &'static str> {
    if !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
        Err("only lower-case letters, digits and underscores are allowed")
    } else if !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        Err("the first character must be a letter")
    } else if name.ends_with('_') || name.contains("__") {
        Err("an underscore must stand alone between other characters")
    } else {
        Ok(())
    }
}

/// Lets components whose state holds [`Variables`] import `spin:variables`.
pub(crate) fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    of: fn(&mut T) -> &mut Variables,
) -> wasmtime::Result<()> {
    bindings::spin::variables::variables::add_to_linker::<T, HasSelf<Variables>>(linker, of)
}

impl Host for Variables {}

impl<T: Send + 'static> HostWithStore<T> for HasSelf<Variables> {
    async fn get(accessor: &Accessor<T, Self>, name: String) -> Result<String, Error> {
        accessor.with(|mut access| access.get().get(&name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Variable;

    fn manifest(templates: &[(&str, &str)]) -> Manifest {
        let default = |value: &str| Variable { required: false, default: Some(value.into()) };
        let required = Variable { required: true, default: None };
        Manifest {
            path: "/app/spin.toml".into(),
            directory: "/app".into(),
            route: "/...".into(),
            wasm: "/app/x.wasm".into(),
            build: None,
            variables: [("a".into(), default("1")), ("b_2".into(), default("")), ("must".into(), required)].into(),
            templates: templates.iter().map(|(name, template)| (name.to_string(), template.to_string())).collect(),
            sqlite: false,
        }
    }

    fn given(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    #[test]
    fn a_given_value_comes_before_the_environment_and_that_before_the_default() {
        let manifest = manifest(&[("x", "{{ a }}"), ("y", "{{ b_2 }}"), ("z", "{{ must }}")]);
        let environment = |name: &str| match name {
            "SPIN_VARIABLE_A" => Some("environment a".to_string()),
            "SPIN_VARIABLE_B_2" => Some("environment b".into()),
            _ => None,
        };
        let given = given(&[("a", "first"), ("a", "last"), ("must", "m")]);
        let variables = Variables::resolve(&manifest, &given, environment).unwrap();
        assert_eq!(variables.get("x").unwrap(), "last");
        assert_eq!(variables.get("y").unwrap(), "environment b");
        assert_eq!(variables.get("z").unwrap(), "m");
    }

    #[test]
    fn templates_mix_text_and_values() {
        let values = [("a", "1".to_string()), ("b_2", "{{ a }}".into())].into();
        for (template, expected) in [
            ("", Some("")),
            ("plain } text {", Some("plain } text {")),
            ("{{a}}", Some("1")),
            ("<{{ a }}|{{  a}}>", Some("<1|1>")),
            ("{{ b_2 }}", Some("{{ a }}")),
            ("}}{{ a }}}}", Some("}}1}}")),
            ("{{ a", None),
            ("{{ unknown }}", None),
            ("{{}}", None),
        ] {
            assert_eq!(expand(template, &values).ok().as_deref(), expected, "{template}");
        }
    }

    #[test]
    fn a_missing_or_unknown_variable_is_said_in_one_sentence() {
        let none = |_: &str| None;
        let manifest = manifest(&[]);
        for (given, expected) in [
            (given(&[]), "the variable `must` needs a value: give --variable must=VALUE or set SPIN_VARIABLE_MUST"),
            (given(&[("must", ""), ("nope", "1")]), "the manifest has no variable `nope`; it has a, b_2, must"),
        ] {
            assert_eq!(format!("{:#}", Variables::resolve(&manifest, &given, none).unwrap_err()), expected);
        }
    }

    #[test]
    fn a_component_sees_only_its_own_variables() {
        let variables = Variables::resolve(&manifest(&[("own", "1")]), &given(&[("must", "m")]), |_| None).unwrap();
        assert_eq!(variables.get("own").unwrap(), "1");
        assert!(matches!(variables.get("a"), Err(Error::Undefined(_))));
        for name in ["", "A", "1a", "_a", "a_", "a__b", "a-b", "ä"] {
            assert!(matches!(variables.get(name), Err(Error::InvalidName(_))), "{name}");
        }
    }
}
