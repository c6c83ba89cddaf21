//! The settings about tokens, as texts.

use http::Uri;
use spin_sse::report;

use crate::access::key::Secret;
use crate::access::keys::Keys;
use crate::access::tokens::Tokens;

/// Reads the settings. `text` has the value of each name, empty if there is none.
///
/// # Errors
///
/// One sentence that names the setting and says what it takes. It repeats no key.
pub(crate) fn read<'s>(text: &dyn Fn(&'static str) -> &'s str, has_hub_url: bool) -> Result<Tokens, String> {
    let of_both = keys(text, "jwt_secret", "jwt_keys")?;
    let of = |keys: Keys| if keys.is_empty() { of_both.clone() } else { keys };
    let publishers = of(keys(text, "jwt_publisher_secret", "jwt_publisher_keys")?);
    let subscribers = of(keys(text, "jwt_subscriber_secret", "jwt_subscriber_keys")?);
    for url in [&publishers.url, &subscribers.url].into_iter().flatten() {
        check_host(url, text("jwks_host").trim())?;
    }
    let issuer = text("jwt_issuer").trim();
    if !issuer.is_empty() && !has_hub_url {
        return Err("variable hub_url must be set where jwt_issuer is: it is what tokens have as aud".to_owned());
    }
    let default = Tokens::default();
    let cookie = match text("cookie_name").trim() {
        "" => default.cookie,
        name if name.bytes().all(is_token) => name.to_owned(),
        name => {
            return Err(format!(
                "variable cookie_name must be letters, digits and signs such as - and _, not {name:?}"
            ));
        }
    };
    Ok(Tokens { publishers, subscribers, issuer: (!issuer.is_empty()).then(|| issuer.to_owned()), cookie })
}

fn keys<'s>(
    text: &dyn Fn(&'static str) -> &'s str,
    secret_name: &'static str,
    keys_name: &'static str,
) -> Result<Keys, String> {
    let secret = secret(secret_name, text(secret_name))?.map(Keys::secret).unwrap_or_default();
    match text(keys_name) {
        keys if keys.trim().is_empty() => Ok(secret),
        keys => match Keys::public(keys) {
            Ok(public) => Ok(secret.and(public)),
            Err(reason) => Err(format!("variable {keys_name} {reason}")),
        },
    }
}

fn secret(name: &str, key: &str) -> Result<Option<Secret>, String> {
    // A public key is known to everyone, who could then sign with it as with a secret.
    if key.contains("-----BEGIN ") || key.trim_start().starts_with('{') {
        let keys = name.replace("secret", "keys");
        return Err(format!(
            "variable {name} must be a secret text, not a key of a key pair: put public keys into {keys}"
        ));
    }
    // RFC 7518, section 3.2: "A key of the same size as the hash output (for instance, 256 bits for "HS256") or larger"
    if (1..32).contains(&key.len()) {
        let length = key.len();
        report(format_args!(
            "variable {name} has only {length} bytes: with less than 32, tokens can be forged by trying"
        ));
    }
    Ok(Secret::new(key.as_bytes()))
}

/// Checks that `jwks_host`, which Spin was told, is the host of the URL of a JWK Set.
fn check_host(url: &Uri, jwks_host: &str) -> Result<(), String> {
    let (scheme, authority) = (url.scheme_str().unwrap_or_default(), url.authority().map_or("", |host| host.as_str()));
    let expected = format!("{scheme}://{authority}");
    let normal = |host: &str| {
        let host = host.trim_end_matches('/').to_ascii_lowercase();
        let port = if host.starts_with("https:") { ":443" } else { ":80" };
        host.strip_suffix(port).map(str::to_owned).unwrap_or(host)
    };
    // A pattern is checked by Spin.
    if jwks_host.contains('*') || normal(jwks_host) == normal(&expected) {
        return Ok(());
    }
    Err(format!(
        "variable jwks_host must be {expected}, the scheme and host of the URL in jwt_keys: it is what Spin lets the \
         hub connect to"
    ))
}

/// RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
