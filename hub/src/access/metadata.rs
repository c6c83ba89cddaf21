//! Protected resource metadata: what clients and authorization servers must know to get a token for the hub. RFC 9728,
//! and the section of that name of the Mercure protocol.

use crate::access::tokens::Tokens;
use crate::request::json::quoted;

/// Where such documents are, on the host of the resource; the resource's path follows.
pub const METADATA_PATH: &str = "/.well-known/oauth-protected-resource";

/// The address of a hub, in two parts.
fn split(hub_url: &str) -> Option<(&str, &str)> {
    let start = hub_url.find("://")?.checked_add(3)?;
    let path = hub_url.get(start..)?.find('/')?.checked_add(start)?;
    let (origin, path) = hub_url.split_at_checked(path)?;
    // RFC 9728, section 3.1: "If the resource identifier value contains a path or query component, any terminating
    // slash (/) following the host component MUST be removed".
    Some((origin, if path == "/" { "" } else { path }))
}

/// The URL of the document about the hub at this address.
pub(crate) fn url(hub_url: &str) -> Option<String> {
    let (origin, path) = split(hub_url)?;
    Some(format!("{origin}{METADATA_PATH}{path}"))
}

/// Whether the document about the hub at this address is at `path`.
pub(crate) fn is_at(path: &str, hub_url: &str) -> bool {
    let expected = split(hub_url).map(|(_, path)| path);
    expected.is_some() && path.strip_prefix(METADATA_PATH) == expected
}

/// The document about the hub at this address. `subscriptions` is whether the hub tells of active subscriptions.
pub(crate) fn document(hub_url: &str, tokens: &Tokens, subscriptions: bool) -> String {
    let mut json = format!(
        r#"{{"resource":{},"bearer_methods_supported":["header"],"authorization_details_types_supported":["https://mercure.rocks/authorization-detail"],"mercure_cookie":{}"#,
        quoted(hub_url),
        quoted(&tokens.cookie)
    );
    if let Some(server) = tokens.authorization_server() {
        json.push_str(&format!(r#","authorization_servers":[{}]"#, quoted(server)));
    }
    if subscriptions {
        json.push_str(r#","mercure_subscriptions":true"#);
    }
    json.push('}');
    json
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::access::keys::Keys;

    #[test]
    fn the_document_is_at_the_path_that_rfc_9728_derives_from_the_hubs_address() {
        for (hub, expected) in [
            (
                "https://hub.example/.well-known/mercure",
                "https://hub.example/.well-known/oauth-protected-resource/.well-known/mercure",
            ),
            ("http://127.0.0.1:3000/hub", "http://127.0.0.1:3000/.well-known/oauth-protected-resource/hub"),
            ("https://hub.example/", "https://hub.example/.well-known/oauth-protected-resource"),
        ] {
            let url = url(hub).unwrap();
            assert_eq!(url, expected);
            let path = &url[url.find("/.well-known").unwrap()..];
            assert!(is_at(path, hub));
            assert!(!is_at(&format!("{path}/"), hub) && !is_at("/.well-known/mercure", hub) && !is_at("", hub));
        }
    }

    #[test]
    fn the_document_says_how_to_get_a_token_and_where_to_put_it() {
        let hub = "https://hub.example/.well-known/mercure";
        let read = |text: String| serde_json::from_str::<Value>(&text).unwrap();
        let tokens = Tokens::default();
        let expected = json!({
            "resource": hub,
            "bearer_methods_supported": ["header"],
            "authorization_details_types_supported": ["https://mercure.rocks/authorization-detail"],
            "mercure_cookie": "__Secure-mercure_access_token",
        });
        assert_eq!(read(document(hub, &tokens, false)), expected);
        let mut with = expected.clone();
        with["mercure_subscriptions"] = json!(true);
        assert_eq!(read(document(hub, &tokens, true)), with);
        // Who issues tokens without a server is no authorization server.
        let issuer = Some("https://login.example/\"".to_owned());
        let own = Tokens { issuer: issuer.clone(), ..Tokens::default() };
        assert_eq!(read(document(hub, &own, false)), expected);
        if cfg!(feature = "keys") {
            let keys = Keys::public("https://login.example/jwks").unwrap();
            let tokens = Tokens { issuer, cookie: "other".to_owned(), ..Tokens::new(keys) };
            let document = read(document(hub, &tokens, false));
            assert_eq!(document["authorization_servers"], json!(["https://login.example/\""]));
            assert_eq!(document["mercure_cookie"], json!("other"));
        }
    }
}
