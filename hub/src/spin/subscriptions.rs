//! The subscription API: who follows what.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH, LINK};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use spin_sdk::http::{FullBody, Request};

use crate::access::policy;
use crate::log::presence::{Changes, LIST, Presence};
use crate::log::{Position, Unavailable};
use crate::presence::resource::{Resource, add, next};
use crate::request::refusal::Refusal;
use crate::spin::attending::attend;
use crate::spin::endpoint::{Purpose, cors, grant, refuse};
use crate::spin::hub::Hub;
use crate::spin::reply::{self, Reply};
use crate::spin::store::Store;
use crate::topic::field::EARLIEST;

impl Hub {
    /// Whether a request is to the subscription API.
    pub(crate) fn has_api_at(&self, path: &str) -> bool {
        self.config.subscriptions && Resource::is_in_api(path, self.config.hub_url.as_deref())
    }
}

/// Answers a request to the subscription API.
pub(crate) async fn subscriptions(request: Request, hub: &Hub) -> Reply {
    let mut reply = match *request.method() {
        Method::GET | Method::HEAD => match Resource::find(request.uri().path(), hub.config.hub_url.as_deref()) {
            Some(resource) => {
                answer(&request, &resource, hub).await.unwrap_or_else(|refusal| refuse(&refusal, &hub.config))
            }
            None => reply::text(StatusCode::NOT_FOUND, "there is no such collection of subscriptions"),
        },
        Method::OPTIONS => {
            let reply = hub.config.origins.preflight(request.headers());
            return reply.map(|()| FullBody::new(Bytes::new()));
        }
        _ => reply::method_not_allowed("GET, HEAD, OPTIONS"),
    };
    reply.headers_mut().extend(cors(request.headers(), &hub.config));
    reply::for_method(request.method(), reply)
}

async fn answer(request: &Request, resource: &Resource, hub: &Hub) -> Result<Reply, Refusal> {
    let grant = grant(request.headers(), request.uri(), hub, Purpose::Subscribe).await?;
    policy::may_list(grant.as_ref(), &resource.topic)?;
    let listed = list(resource, hub).await;
    hub.read_health.note(&listed);
    let Ok((head, document)) = listed else {
        return Ok(reply::unavailable("the log cannot be read now: ask again later"));
    };
    let last = if head.sequence == 0 { EARLIEST.to_owned() } else { head.to_string() };
    let mut reply = match document {
        Some(_) if knows(request.headers(), &last) => reply::empty(StatusCode::NOT_MODIFIED),
        Some(document) => reply::typed(StatusCode::OK, "application/json", document),
        None => reply::text(StatusCode::NOT_FOUND, "there is no such subscription"),
    };
    // A path is a URL, too: that of the hub for who asked.
    let hub_url = hub.config.hub_url.as_deref().unwrap_or(&resource.hub);
    describe(reply.headers_mut(), hub_url, &last);
    Ok(reply)
}

/// Where the log ended before it was read, and the document of a resource; `None` for one that is not there.
async fn list(resource: &Resource, hub: &Hub) -> Result<(Position, Option<String>), Unavailable> {
    let (first, end) = &resource.range;
    let mut listed = hub.reading.listed(first, end).await?;
    if listed.over {
        // Who held them has died, and nobody else was there to notice.
        let changes = Changes { holder: hub.presences.holder(), ..Changes::default() };
        attend(hub, &Store::attending(&hub.config, &hub.reading), &changes).await?;
        listed = hub.reading.listed(first, end).await?;
    }
    let mut listings = listed.listings;
    if resource.is_one {
        return Ok((listed.head, listings.first().map(|listing| listing.document(true))));
    }
    let mut document = resource.document();
    while add(&mut document, &listings)
        && listings.len() == LIST
        && let Some(next) = next(&listings)
    {
        // So that one page is in memory.
        listings.clear();
        listings = hub.reading.listed(&next, end).await?.listings;
    }
    document.push_str("]}");
    Ok((listed.head, Some(document)))
}

/// Whether who asks has what the log said up to this event.
fn knows(request: &HeaderMap, last: &str) -> bool {
    let tags = request.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = tags.flat_map(|value| value.split(',')).map(|tag| tag.trim().trim_start_matches("W/"));
    tags.any(|tag| tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')) == Some(last))
}

/// The specification, "Subscription API": a link to the hub that has the last event id, which is the entity tag, too.
fn describe(headers: &mut HeaderMap, hub_url: &str, last: &str) {
    let link = format!(
        r#"<{hub_url}>; rel="mercure"; last-event-id="{last}"; type="mercure"; content-type="application/json""#
    );
    for (name, value) in [(LINK, link), (ETAG, format!(r#""{last}""#))] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, must-revalidate"));
}
