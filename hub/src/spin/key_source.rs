//! A JWK Set at a URL: fetched once for all who wait, and kept for the instance.

use std::cell::RefCell;
use std::mem::take;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures::future::{Either, select};
use http::Uri;
use spin_sdk::time::sleep;
use spin_sse::{report, timer};
use wasi::http::types::{ErrorCode, Fields, Method, Request, Response, Scheme};
use wasi::wit_bindgen::StreamResult;
use wasi::wit_future;

use crate::access::jwks;
use crate::access::key::Key;
use crate::access::key_cache::{KeyCache, Next};
use crate::access::token::Unverified;
use crate::spin::detached::detached;
use crate::spin::notifier::{Notifier, notifier};

/// After how long a fetch has failed.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where a hub finds keys, and what is known of them.
#[derive(Debug)]
pub(crate) struct KeySource {
    url: Uri,
    cache: RefCell<KeyCache>,
    /// Who waits for the fetch that was begun.
    waiting: RefCell<Vec<Notifier>>,
}

impl KeySource {
    pub(crate) fn new(url: Uri) -> KeySource {
        KeySource { url, cache: RefCell::default(), waiting: RefCell::default() }
    }

    /// The keys to check a token with; `None` when they are not known.
    pub(crate) async fn keys(self: &Rc<Self>, token: &Unverified<'_>) -> Option<Rc<[Key]>> {
        loop {
            let next = self.cache.borrow_mut().next(token, timer::now());
            match next {
                Next::Use(keys) => return Some(keys),
                Next::Unavailable => return None,
                Next::Fetch => detached(Rc::clone(self).fetch()).await,
                Next::Wait => {
                    let (notifier, mut listener) = notifier();
                    self.waiting.borrow_mut().push(notifier);
                    listener.notified().await;
                }
            }
        }
    }

    async fn fetch(self: Rc<Self>) {
        let fetched = match select(pin!(get(&self.url)), pin!(sleep(TIMEOUT))).await {
            Either::Left((fetched, _)) => fetched,
            Either::Right(_) => Err(format!("there was no answer within {} s", TIMEOUT.as_secs())),
        };
        let keys = fetched.and_then(|set| jwks::read(&set).map_err(|reason| format!("what is there {reason}")));
        // The query may hold a secret.
        let (host, path) = (self.url.authority().map_or("", |host| host.as_str()), self.url.path());
        match &keys {
            Ok(keys) if keys.is_empty() => report(format_args!("hub: the set at {host}{path} {}", jwks::NO_KEY)),
            Ok(_) => {}
            Err(reason) => report(format_args!("hub: the keys at {host}{path} cannot be fetched: {reason}")),
        }
        self.cache.borrow_mut().fetched(keys.ok(), timer::now());
        let waiting = take(&mut *self.waiting.borrow_mut());
        for notifier in waiting {
            notifier.notify().await;
        }
    }
}

/// Reads what is at a URL. A redirect is not followed: who can answer one need not be whom the configuration trusts.
async fn get(url: &Uri) -> Result<Vec<u8>, String> {
    let response = wasi::http::client::send(request(url)?).await.map_err(|code| match code {
        ErrorCode::HttpRequestDenied => "allowed_outbound_hosts does not let the hub connect to that host".to_owned(),
        code => reason(&code),
    })?;
    match response.get_status_code() {
        200 => body(response).await,
        status => Err(format!("the answer has status {status}, not 200")),
    }
}

fn request(url: &Uri) -> Result<Request, String> {
    let refused = |()| "the host refuses the URL".to_owned();
    let headers = Fields::from_list(&[("accept".to_owned(), b"application/jwk-set+json, application/json".to_vec())]);
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (request, _) = Request::new(headers.map_err(|_| refused(()))?, None, trailers, None);
    request.set_method(&Method::Get).map_err(refused)?;
    let scheme = if url.scheme_str() == Some("http") { Scheme::Http } else { Scheme::Https };
    request.set_scheme(Some(&scheme)).map_err(refused)?;
    request.set_authority(url.authority().map(|authority| authority.as_str())).map_err(refused)?;
    request.set_path_with_query(url.path_and_query().map(|path| path.as_str())).map_err(refused)?;
    Ok(request)
}

/// Reads a body, but no more than is too much.
async fn body(response: Response) -> Result<Vec<u8>, String> {
    let (_result, reader) = wit_future::new(|| Ok(()));
    let (mut stream, end) = Response::consume_body(response, reader);
    let mut body = Vec::new();
    let mut chunk = Vec::with_capacity(16 * 1024);
    while body.len() <= jwks::MAX_SIZE {
        let (result, bytes) = stream.read(chunk).await;
        body.extend_from_slice(&bytes);
        chunk = bytes;
        chunk.clear();
        if result == StreamResult::Dropped {
            return match end.await {
                Ok(_) => Ok(body),
                Err(code) => Err(reason(&code)),
            };
        }
    }
    Ok(body)
}

fn reason(code: &ErrorCode) -> String {
    let text = code.to_string();
    text.strip_prefix("ErrorCode::").unwrap_or(&text).to_owned()
}
