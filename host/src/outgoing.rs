//! `wasi:http/client`: requests of the component, where the manifest allows them.
//!
//! The rules are those of Spin 4.1. An address needs an entry `http://host:port` or `https://host:port`; what it
//! refuses answers `HTTP-request-denied`. The host `self.alt` is the application itself, if an entry has the host
//! `self` or `*`. Redirects are not followed. TLS trusts the certificates of Mozilla's list. Unlike Spin, each request
//! has a connection of its own, and HTTP/1.1.

use crate::logs::Logs;
use crate::outbound::Outbound;
use http::header::HOST;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::BodyExt;
use std::net::SocketAddr;
use url::Url;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks, default_send_request};

/// The requests of one instance.
#[derive(Clone)]
pub(crate) struct Outgoing {
    outbound: Outbound,
    /// Where this host listens.
    own: SocketAddr,
    logs: Logs,
}

impl Outgoing {
    pub(crate) fn new(outbound: Outbound, own: SocketAddr, logs: Logs) -> Self {
        Self { outbound, own, logs }
    }

    /// Checks a request, and completes one to the application itself.
    fn prepare<B>(&self, mut request: Request<B>) -> Result<Request<B>, Error> {
        let uri = request.uri();
        if uri.host() == Some("self.alt") {
            if !self.outbound.allows_self() {
                return Err(self.refuse("http://self"));
            }
            let own = self.own.to_string();
            let mut parts = uri.clone().into_parts();
            parts.scheme = Some(Scheme::HTTP);
            parts.authority = Some(Authority::try_from(own.as_str()).map_err(|_| Error::HttpRequestUriInvalid)?);
            *request.uri_mut() = Uri::from_parts(parts).map_err(|_| Error::HttpRequestUriInvalid)?;
            let own = HeaderValue::try_from(own).map_err(|_| Error::HttpRequestUriInvalid)?;
            request.headers_mut().insert(HOST, own);
            return Ok(request);
        }
        let address = Url::parse(&uri.to_string()).map_err(|_| Error::HttpRequestDenied)?;
        if !self.outbound.allows(&address) {
            // The rest of the URL may hold a secret.
            let port = address.port().map(|port| format!(":{port}")).unwrap_or_default();
            let host = address.host_str().unwrap_or_default();
            return Err(self.refuse(&format!("{}://{host}{port}", address.scheme())));
        }
        Ok(request)
    }

    fn refuse(&self, entry: &str) -> Error {
        let sentence = "allowed_outbound_hosts does not let the component send this request";
        self.logs.push(format!("{sentence}: add \"{entry}\""));
        Error::HttpRequestDenied
    }
}

type Ends = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for Outgoing {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Ends,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Ends), Error>> + Send> {
        let request = self.prepare(request);
        Box::new(async move {
            let (response, ends) = default_send_request(request?, options).await?;
            Ok((response.map(BodyExt::boxed_unsync), Box::new(ends) as Ends))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::tests::outbound;

    fn prepared(entries: &[&str], uri: &str) -> (Result<String, Error>, Vec<String>) {
        let logs = Logs::new(false);
        let outgoing = Outgoing::new(outbound(entries), "127.0.0.1:3000".parse().unwrap(), logs.clone());
        let request = outgoing.prepare(Request::get(uri).body(()).unwrap());
        (request.map(|request| request.uri().to_string()), logs.lines())
    }

    #[test]
    fn a_request_is_sent_where_an_entry_lets_it() {
        for (entry, uri) in [
            ("http://127.0.0.1:*", "http://127.0.0.1:4000/a"),
            ("https://example.com", "https://example.com/a?b"),
            ("https://*.example.com", "https://a.example.com/"),
            ("*://*:*", "http://example.com:81/"),
        ] {
            assert_eq!(prepared(&[entry], uri).0.unwrap(), uri);
        }
    }

    #[test]
    fn a_request_to_anywhere_else_is_denied_and_the_log_says_what_would_allow_it() {
        for (entry, uri, missing) in [
            ("https://example.com", "http://example.com/", "http://example.com"),
            ("http://127.0.0.1:4000", "http://127.0.0.1:4001/?secret", "http://127.0.0.1:4001"),
            ("http://127.0.0.1", "http://localhost/", "http://localhost"),
            ("http://127.0.0.1", "http://self.alt/", "http://self"),
        ] {
            let (result, lines) = prepared(&[entry], uri);
            assert!(matches!(result, Err(Error::HttpRequestDenied)), "{uri}");
            let [line] = lines.as_slice() else { panic!("{lines:?}") };
            assert!(line.ends_with(&format!(": add \"{missing}\"")), "{line}");
        }
    }

    #[test]
    fn the_application_itself_is_where_this_host_listens() {
        for entry in ["http://self", "https://self", "http://self.alt", "*://*:*", "http://*"] {
            for uri in ["http://self.alt/a?b", "https://self.alt:443/a?b"] {
                assert_eq!(prepared(&[entry], uri).0.unwrap(), "http://127.0.0.1:3000/a?b", "{entry}");
            }
        }
        assert!(prepared(&["redis://self"], "http://self.alt/").0.is_err());
    }
}
