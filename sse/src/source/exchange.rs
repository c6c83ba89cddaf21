//! A request and its response, on WASI's outbound HTTP.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use wasi::http::types::{self, ErrorCode, Trailers};
use wasi::wit_bindgen::{FutureReader, FutureWriter, StreamReader, StreamResult};
use wasi::{wit_future, wit_stream};

use super::error::Error;
use super::request::Request;
use crate::response::fields;

/// How much is read at once.
const CHUNK: usize = 16 * 1024;

type Pending<T> = Pin<Box<dyn Future<Output = T>>>;

/// A response whose body has not been asked for.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    response: types::Response,
}

/// Sends a request, when it is polled. Dropped, it is taken back.
pub(crate) fn send(request: Request) -> Result<Pending<Result<Answer, Error>>, Error> {
    let uri = request.uri.clone();
    let request = into_wasi(request)?;
    Ok(Box::pin(async move {
        let response = wasi::http::client::send(request).await.map_err(|code| error(code, &uri))?;
        let status = StatusCode::from_u16(response.get_status_code())
            .map_err(|_| Error::Connection("the status is no number of three digits".to_owned()))?;
        let mut headers = HeaderMap::new();
        for (name, value) in response.get_headers().copy_all() {
            // What cannot be represented is nothing that is looked for.
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_bytes(&value)) {
                headers.append(name, value);
            }
        }
        Ok(Answer { status, headers, response })
    }))
}

fn into_wasi(mut request: Request) -> Result<types::Request, Error> {
    let refused = |what: &str| Error::Invalid(format!("the host refused {what}"));
    let has_body = !request.body.is_empty();
    if has_body || !request.is_safe() {
        request.headers.insert(CONTENT_LENGTH, HeaderValue::from(request.body.len()));
    }
    let fields = fields(&request.headers).map_err(|error| refused(&format!("a header: {error}")))?;
    let (result, trailers) = wit_future::new(|| Ok(None));
    let contents = has_body.then(|| {
        let (mut writer, reader) = wit_stream::new();
        // Beside the answer, which may come before the server has read all of the request.
        wasi::spawn(async move {
            let left = writer.write_all(request.body.into()).await;
            drop(writer);
            if left.is_empty() {
                // It fails only when the request was taken back.
                let _ = result.write(Ok(None)).await;
            }
        });
        reader
    });
    let (wasi_request, _) = types::Request::new(fields, contents, trailers, None);
    let uri = &request.uri;
    wasi_request.set_method(&request.method.into()).map_err(|()| refused("the method"))?;
    wasi_request.set_scheme(uri.scheme().map(Into::into).as_ref()).map_err(|()| refused("the scheme"))?;
    let authority = uri.authority().map(|authority| authority.as_str());
    wasi_request.set_authority(authority).map_err(|()| refused("the host's name"))?;
    let path = uri.path_and_query().map(|path| path.as_str());
    wasi_request.set_path_with_query(path).map_err(|()| refused("the path"))?;
    Ok(wasi_request)
}

/// A body that is read chunk by chunk, when it is polled. Nothing is read ahead. Dropped, the connection is closed.
pub(crate) struct Body(Pending<Read>);

/// What one read brings.
enum Read {
    Chunk(Vec<u8>, Open),
    End(Result<(), ErrorCode>),
}

struct Open {
    stream: StreamReader<u8>,
    end: FutureReader<Result<Option<Trailers>, ErrorCode>>,
    /// Dropped, it tells the host that the response has been dealt with.
    _result: FutureWriter<Result<(), ErrorCode>>,
}

impl Body {
    pub(crate) fn open(answer: Answer) -> Body {
        let (result, reader) = wit_future::new(|| Ok(()));
        let (stream, end) = types::Response::consume_body(answer.response, reader);
        Body(Box::pin(read(Open { stream, end, _result: result }, Vec::with_capacity(CHUNK))))
    }

    /// Replaces what is in `chunk` by the next bytes; `false` is the end.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        chunk: &mut Vec<u8>,
        uri: &Uri,
    ) -> Poll<Result<bool, Error>> {
        Poll::Ready(match ready!(self.0.as_mut().poll(cx)) {
            Read::Chunk(bytes, open) => {
                let mut emptied = std::mem::replace(chunk, bytes);
                emptied.clear();
                self.0 = Box::pin(read(open, emptied));
                Ok(true)
            }
            Read::End(end) => {
                chunk.clear();
                end.map(|()| false).map_err(|code| error(code, uri))
            }
        })
    }
}

async fn read(mut open: Open, mut buffer: Vec<u8>) -> Read {
    buffer.reserve(CHUNK);
    loop {
        let (result, bytes) = open.stream.read(buffer).await;
        match result {
            StreamResult::Dropped => return Read::End(open.end.await.map(drop)),
            _ if !bytes.is_empty() => return Read::Chunk(bytes, open),
            _ => buffer = bytes,
        }
    }
}

/// What an error of the host means.
fn error(code: ErrorCode, uri: &Uri) -> Error {
    match code {
        ErrorCode::HttpRequestDenied => Error::Refused(address(uri)),
        ErrorCode::HttpRequestLengthRequired
        | ErrorCode::HttpRequestBodySize(_)
        | ErrorCode::HttpRequestMethodInvalid
        | ErrorCode::HttpRequestUriInvalid
        | ErrorCode::HttpRequestUriTooLong
        | ErrorCode::HttpRequestHeaderSectionSize(_)
        | ErrorCode::HttpRequestHeaderSize(_)
        | ErrorCode::HttpRequestTrailerSectionSize(_)
        | ErrorCode::HttpRequestTrailerSize(_) => Error::Invalid(text(&code)),
        // "unless the user agent knows that to be futile"
        ErrorCode::DestinationIpProhibited
        | ErrorCode::TlsCertificateError
        | ErrorCode::HttpResponseHeaderSectionSize(_)
        | ErrorCode::HttpResponseHeaderSize(_)
        | ErrorCode::HttpResponseContentCoding(_)
        | ErrorCode::HttpResponseTransferCoding(_)
        | ErrorCode::LoopDetected
        | ErrorCode::ConfigurationError => Error::Unreachable(text(&code)),
        code => Error::Connection(text(&code)),
    }
}

/// The name of the error, and what the host says about it.
fn text(code: &ErrorCode) -> String {
    let text = code.to_string();
    text.strip_prefix("ErrorCode::").unwrap_or(&text).to_owned()
}

/// What `allowed_outbound_hosts` must have.
fn address(uri: &Uri) -> String {
    let (scheme, host) = (uri.scheme_str().unwrap_or_default(), uri.host().unwrap_or_default());
    uri.port_u16().map_or_else(|| format!("{scheme}://{host}"), |port| format!("{scheme}://{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_host_says_whether_another_attempt_can_help() {
        for (code, passes) in [
            (ErrorCode::ConnectionRefused, true),
            (ErrorCode::ConnectionTerminated, true),
            (ErrorCode::HttpProtocolError, true),
            (ErrorCode::DnsTimeout, true),
            (ErrorCode::HttpRequestDenied, false),
            (ErrorCode::HttpRequestUriInvalid, false),
            (ErrorCode::DestinationIpProhibited, false),
        ] {
            let error = error(code.clone(), &Uri::from_static("http://a:8080/b"));
            assert_eq!(error.is_passing(), passes, "{code:?}");
        }
    }

    #[test]
    fn an_error_of_the_host_is_called_by_its_name() {
        let error = error(ErrorCode::ConnectionRefused, &Uri::from_static("http://a:8080/b"));
        assert_eq!(error.to_string(), "the connection to the upstream failed: ConnectionRefused");
    }

    #[test]
    fn a_refused_address_is_named_as_the_manifest_must_have_it() {
        for (uri, expected) in [
            ("http://user:secret@a.example:8080/b?c", "http://a.example:8080"),
            ("https://a.example/", "https://a.example"),
            ("http://[::1]:80/", "http://[::1]:80"),
        ] {
            assert_eq!(error(ErrorCode::HttpRequestDenied, &Uri::from_static(uri)), Error::Refused(expected.into()));
        }
    }
}
