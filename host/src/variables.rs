//! `spin:variables`: values for the variables of the manifest.

use crate::manifest::Variable;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::sync::Arc;
use wasmtime::component::{Accessor, HasSelf, Linker};

#[allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "generated code")]
mod bindings {
    wasmtime::component::bindgen!({ path: "wit/variables.wit", world: "serves-variables" });
}

use bindings::spin::variables::variables::{Error, Host, HostWithStore};

/// The manifest's variables with their values, which templates are filled in with.
pub(crate) struct Values<'a>(BTreeMap<&'a str, Value>);

struct Value {
    text: String,
    secret: bool,
}

impl<'a> Values<'a> {
    /// A value given by the user comes before the environment's, and that before the default.
    pub(crate) fn choose(
        variables: &'a BTreeMap<String, Variable>,
        given: &[(String, String)],
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        for (name, _) in given {
            if !variables.contains_key(name) {
                let names: Vec<_> = variables.keys().map(String::as_str).collect();
                let known =
                    if names.is_empty() { "it has none".into() } else { format!("it has {}", names.join(", ")) };
                bail!("the manifest has no variable `{name}`; {known}");
            }
        }
        let mut values = BTreeMap::new();
        for (name, variable) in variables {
            check_name(name).map_err(|reason| anyhow::anyhow!("`{name}` cannot name a variable: {reason}"))?;
            let from_environment = format!("SPIN_VARIABLE_{}", name.to_ascii_uppercase());
            let chosen = given.iter().rfind(|(given, _)| given == name).map(|(_, value)| value.clone());
            let Some(text) = chosen.or_else(|| environment(&from_environment)).or_else(|| variable.default.clone())
            else {
                bail!("the variable `{name}` needs a value: give --variable {name}=VALUE or set {from_environment}");
            };
            values.insert(name.as_str(), Value { text, secret: variable.secret });
        }
        Ok(Self(values))
    }

    /// The template, with `{{ name }}` replaced by values.
    pub(crate) fn fill(&self, template: &str) -> Result<String> {
        self.expand(template, |value| &value.text)
    }

    /// The same for people to read: without the values that are secret.
    pub(crate) fn show(&self, template: &str) -> Result<String> {
        self.expand(template, |value| if value.secret { "***" } else { &value.text })
    }

    fn expand(&self, template: &str, text_of: impl Fn(&Value) -> &str) -> Result<String> {
        let mut expanded = String::new();
        let mut rest = template;
        while let Some((text, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").context("a `{{` has no `}}`")?;
            let name = name.trim();
            let value = self.0.get(name).with_context(|| format!("the manifest has no variable `{name}`"))?;
            expanded.push_str(text);
            expanded.push_str(text_of(value));
            rest = after;
        }
        expanded.push_str(rest);
        Ok(expanded)
    }
}

/// The component's variables, by name.
#[derive(Clone, Debug)]
pub(crate) struct Variables(Arc<BTreeMap<String, String>>);

impl Variables {
    /// Fills in the templates that the manifest has for them.
    pub(crate) fn resolve(templates: &BTreeMap<String, String>, values: &Values<'_>) -> Result<Self> {
        let mut resolved = BTreeMap::new();
        for (name, template) in templates {
            check_name(name).map_err(|reason| anyhow::anyhow!("`{name}` cannot name a variable: {reason}"))?;
            let value = values
                .fill(template)
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

    /// Resolves the variables `a`, `b_2` and, without a default, `must`, and with them the component's own.
    fn resolve(
        templates: &[(&str, &str)],
        given: &[(&str, &str)],
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Variables> {
        let default = |value: &str| Variable { required: false, default: Some(value.into()), secret: false };
        let required = Variable { required: true, default: None, secret: false };
        let variables = [("a".into(), default("1")), ("b_2".into(), default("")), ("must".into(), required)].into();
        Variables::resolve(
            &owned(templates).collect(),
            &Values::choose(&variables, &owned(given).collect::<Vec<_>>(), environment)?,
        )
    }

    fn owned(pairs: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
        pairs.iter().map(|(name, value)| (name.to_string(), value.to_string()))
    }

    #[test]
    fn a_given_value_comes_before_the_environment_and_that_before_the_default() {
        let environment = |name: &str| match name {
            "SPIN_VARIABLE_A" => Some("environment a".to_string()),
            "SPIN_VARIABLE_B_2" => Some("environment b".into()),
            _ => None,
        };
        let templates = [("x", "{{ a }}"), ("y", "{{ b_2 }}"), ("z", "{{ must }}")];
        let given = [("a", "first"), ("a", "last"), ("must", "m")];
        let variables = resolve(&templates, &given, environment).unwrap();
        assert_eq!(variables.get("x").unwrap(), "last");
        assert_eq!(variables.get("y").unwrap(), "environment b");
        assert_eq!(variables.get("z").unwrap(), "m");
    }

    #[test]
    fn templates_mix_text_and_values() {
        let value = |text: &str, secret| Value { text: text.into(), secret };
        let values = Values([("a", value("1", false)), ("b_2", value("{{ a }}", true))].into());
        for (template, filled, shown) in [
            ("", Some(""), Some("")),
            ("plain } text {", Some("plain } text {"), Some("plain } text {")),
            ("{{a}}", Some("1"), Some("1")),
            ("<{{ a }}|{{  a}}>", Some("<1|1>"), Some("<1|1>")),
            ("{{ b_2 }}", Some("{{ a }}"), Some("***")),
            ("}}{{ a }}}}", Some("}}1}}"), Some("}}1}}")),
            ("{{ a", None, None),
            ("{{ unknown }}", None, None),
            ("{{}}", None, None),
        ] {
            assert_eq!(values.fill(template).ok().as_deref(), filled, "{template}");
            assert_eq!(values.show(template).ok().as_deref(), shown, "{template}");
        }
    }

    #[test]
    fn a_missing_or_unknown_variable_is_said_in_one_sentence() {
        for (given, expected) in [
            (&[][..], "the variable `must` needs a value: give --variable must=VALUE or set SPIN_VARIABLE_MUST"),
            (&[("must", ""), ("nope", "1")], "the manifest has no variable `nope`; it has a, b_2, must"),
        ] {
            assert_eq!(format!("{:#}", resolve(&[], given, |_| None).unwrap_err()), expected);
        }
    }

    #[test]
    fn a_component_sees_only_its_own_variables() {
        let variables = resolve(&[("own", "1")], &[("must", "m")], |_| None).unwrap();
        assert_eq!(variables.get("own").unwrap(), "1");
        assert!(matches!(variables.get("a"), Err(Error::Undefined(_))));
        for name in ["", "A", "1a", "_a", "a_", "a__b", "a-b", "ä"] {
            assert!(matches!(variables.get(name), Err(Error::InvalidName(_))), "{name}");
        }
    }
}
