//! The values that the manifest's variables have, and the templates that are filled in with them.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A variable as the manifest declares it.
#[derive(Debug, PartialEq, Deserialize)]
pub(crate) struct Variable {
    #[serde(default)]
    pub(crate) required: bool,
    pub(crate) default: Option<String>,
    /// Whether nobody may see the value.
    #[serde(default)]
    pub(crate) secret: bool,
}

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

/// Lower-case words of letters and digits, joined by single underscores, the first character a letter.
pub(crate) fn check_name(name: &str) -> Result<(), &'static str> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
