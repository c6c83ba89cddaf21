//! The HTTP/1.1 server in front of the instances.

use crate::instance::Instances;
use crate::logs::Logs;
use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::handler::ProxyHandler;

/// One route and what answers it.
pub(crate) struct Server {
    pub(crate) handler: ProxyHandler<Instances>,
    pub(crate) route: String,
    pub(crate) logs: Logs,
}

impl Server {
    /// Serves every connection until the task is dropped.
    pub(crate) async fn run(self, listener: TcpListener) {
        let server = Arc::new(self);
        loop {
            match listener.accept().await {
                Ok((stream, client)) => drop(tokio::spawn(server.clone().connection(stream, client))),
                Err(error) => {
                    // Most often there are too many open files: leave time for some to close.
                    server.logs.push(format!("cannot accept a connection: {error}"));
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream, client: SocketAddr) {
        // Without this a small answer waits about 40 ms for the acknowledgement of its own head.
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let answer = service_fn(move |request| {
            let server = self.clone();
            async move { Ok::<_, Infallible>(server.answer(request, client).await) }
        });
        // An error is a client that left or a stream that failed, and both are seen elsewhere.
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
    }

    async fn answer(&self, request: Request<Incoming>, client: SocketAddr) -> Response<WasiBody> {
        let path = request.uri().path();
        if let Some(name) = path.strip_prefix("/.well-known/spin/") {
            return match name {
                "health" => text(StatusCode::OK, "OK"),
                _ => text(StatusCode::NOT_FOUND, ""),
            };
        }
        let Some(rest) = rest_of_path(&self.route, path).map(String::from) else {
            return text(StatusCode::NOT_FOUND, "");
        };
        let request = match prepare(request, &self.route, &rest, client) {
            Ok(request) => request.map(|body| body.map_err(wasmtime_wasi_http::Error::from).boxed_unsync()),
            Err(reason) => return text(StatusCode::BAD_REQUEST, reason),
        };
        match self.handler.handle((), request).await {
            Ok(response) => response,
            Err(error) => {
                let reason = format!("the component gave no answer: {}", error.root_cause());
                self.logs.push(reason.clone());
                text(StatusCode::INTERNAL_SERVER_ERROR, reason + "\n")
            }
        }
    }
}

fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<WasiBody> {
    let mut response = Response::new(Full::new(text.into()).map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// What of `path` stands for the `...` of the route; `None` when the route does not match.
fn rest_of_path<'path>(route: &str, path: &'path str) -> Option<&'path str> {
    match route.strip_suffix("/...") {
        Some(prefix) => path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/')),
        None => (route.trim_end_matches('/') == path.trim_end_matches('/')).then_some(""),
    }
}

/// Completes a request as Spin does: an absolute URI, no `connection`, and what the component cannot know by itself.
fn prepare(
    mut request: Request<Incoming>,
    route: &str,
    rest: &str,
    client: SocketAddr,
) -> Result<Request<Incoming>, &'static str> {
    let uri = absolute(request.uri(), request.headers())?;
    let headers = request.headers_mut();
    headers.remove(header::CONNECTION);
    if headers.values().any(|value| str::from_utf8(value.as_bytes()).is_err()) {
        return Err("a header is not UTF-8, which Spin does not pass on\n");
    }
    for (name, value) in [
        ("spin-path-info", rest),
        ("spin-full-url", &uri.to_string()),
        ("spin-matched-route", route),
        ("spin-base-path", "/"),
        ("spin-raw-component-route", route),
        ("spin-component-route", route.strip_suffix("/...").unwrap_or(route)),
        ("spin-client-addr", &client.to_string()),
    ] {
        let value = HeaderValue::from_str(value).map_err(|_| "the path has a character that no header can have\n")?;
        headers.append(HeaderName::from_static(name), value);
    }
    *request.uri_mut() = uri;
    Ok(request)
}

fn absolute(uri: &Uri, headers: &HeaderMap) -> Result<Uri, &'static str> {
    let host = match headers.get(header::HOST).map(|host| Authority::try_from(host.as_bytes())) {
        Some(Ok(host)) => Some(host),
        Some(Err(_)) => return Err("the header `host` is not a host\n"),
        None => None,
    };
    let mut parts = uri.clone().into_parts();
    parts.authority = match (host, parts.authority.take()) {
        (Some(host), Some(authority)) if host != authority => return Err("the header `host` differs from the URI\n"),
        (Some(host), _) => Some(host),
        (None, Some(authority)) => Some(authority),
        (None, None) => return Err("the header `host` is missing\n"),
    };
    parts.scheme = Some(Scheme::HTTP);
    Uri::from_parts(parts).map_err(|_| "the URI has no path\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_matches_its_paths_and_leaves_the_rest() {
        for (route, path, expected) in [
            ("/...", "/", Some("/")),
            ("/...", "/sse", Some("/sse")),
            ("/api/...", "/api", Some("")),
            ("/api/...", "/api/a/", Some("/a/")),
            ("/api/...", "/apis", None),
            ("/api", "/api", Some("")),
            ("/api", "/api/", Some("")),
            ("/api", "/api/a", None),
        ] {
            assert_eq!(rest_of_path(route, path), expected, "{route} {path}");
        }
    }

    #[test]
    fn a_uri_becomes_absolute() {
        for (uri, host, expected) in [
            ("/sse?a=1", Some("a:3000"), Some("http://a:3000/sse?a=1")),
            ("http://a/sse", Some("a"), Some("http://a/sse")),
            ("http://a/sse", None, Some("http://a/sse")),
            ("http://a/sse", Some("b"), None),
            ("/sse", Some("a b"), None),
            ("/sse", None, None),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(host) = host {
                headers.insert(header::HOST, HeaderValue::from_static(host));
            }
            let made = absolute(&Uri::from_static(uri), &headers).ok().map(|uri| uri.to_string());
            assert_eq!(made.as_deref(), expected, "{uri} {host:?}");
        }
    }
}
