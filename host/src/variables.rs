//! `spin:variables`: the component's own variables.

use crate::values::{Values, check_name};
use anyhow::{Context, Result};
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
    use crate::values::Variable;

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
