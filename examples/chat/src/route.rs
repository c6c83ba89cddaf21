//! What a method and a path ask for.

use http::Method;

/// How long an id may be, in bytes.
const MAX_ID: usize = 64;

/// What the component can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route<'p> {
    /// `GET /`: the page.
    Page,
    /// `POST /chats/{id}`: a question, answered by the stream of its answer.
    Ask(&'p str),
    /// `GET /chats/{id}`: the answer, from its start or from the client's last event id.
    Follow(&'p str),
    /// `DELETE /chats/{id}`: the answer goes no further.
    Stop(&'p str),
    /// `POST /chats`: a question of the AI SDK, which has the id of the chat in the body.
    AskInChat,
    /// `GET /chats/{id}/stream`: the answer that the chat of the AI SDK waits for.
    FollowChat(&'p str),
    /// `DELETE /chats/{id}/stream`: that answer goes no further.
    StopChat(&'p str),
    /// `POST /model`: the model in this component, which is asked by this component itself.
    Model,
    /// An id that is none.
    BadId,
    /// A path that exists, with a method it does not have; holds the value of `allow`.
    MethodNotAllowed(&'static str),
    /// No such path.
    NotFound,
}

/// Finds the route of a method and a path.
pub fn route<'p>(method: &Method, path: &'p str) -> Route<'p> {
    match (path, method) {
        ("/", &Method::GET | &Method::HEAD) => Route::Page,
        ("/", _) => Route::MethodNotAllowed("GET, HEAD"),
        ("/model", &Method::POST) => Route::Model,
        ("/chats", &Method::POST) => Route::AskInChat,
        ("/model" | "/chats", _) => Route::MethodNotAllowed("POST"),
        _ => path.strip_prefix("/chats/").map_or(Route::NotFound, |rest| chat(method, rest)),
    }
}

fn chat<'p>(method: &Method, rest: &'p str) -> Route<'p> {
    let (id, stream) = match rest.strip_suffix("/stream") {
        Some(id) => (id, true),
        None => (rest, false),
    };
    match *method {
        _ if id.contains('/') => Route::NotFound,
        _ if !is_id(id) => Route::BadId,
        Method::GET if stream => Route::FollowChat(id),
        Method::DELETE if stream => Route::StopChat(id),
        _ if stream => Route::MethodNotAllowed("GET, DELETE"),
        Method::GET => Route::Follow(id),
        Method::POST => Route::Ask(id),
        Method::DELETE => Route::Stop(id),
        _ => Route::MethodNotAllowed("GET, POST, DELETE"),
    }
}

/// Whether a text is an id: letters, digits, `-` and `_` of ASCII, which no URL encodes; at least one, at most 64.
pub fn is_id(text: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(valid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(method: &Method, path: &str, expected: Route<'_>) {
        assert_eq!(route(method, path), expected);
    }

    #[test]
    fn a_path_and_a_method_have_one_route() {
        check(&Method::GET, "/", Route::Page);
        check(&Method::POST, "/", Route::MethodNotAllowed("GET, HEAD"));
        check(&Method::POST, "/chats/a-B_9", Route::Ask("a-B_9"));
        check(&Method::GET, "/chats/7", Route::Follow("7"));
        check(&Method::DELETE, "/chats/7", Route::Stop("7"));
        check(&Method::PUT, "/chats/7", Route::MethodNotAllowed("GET, POST, DELETE"));
        check(&Method::POST, "/chats", Route::AskInChat);
        check(&Method::GET, "/chats", Route::MethodNotAllowed("POST"));
        check(&Method::GET, "/chats/7/stream", Route::FollowChat("7"));
        check(&Method::DELETE, "/chats/7/stream", Route::StopChat("7"));
        check(&Method::POST, "/chats/7/stream", Route::MethodNotAllowed("GET, DELETE"));
        check(&Method::POST, "/model", Route::Model);
        check(&Method::GET, "/model", Route::MethodNotAllowed("POST"));
        for path in ["/nothing", "/chats/7/other", "/chats/7/", "/chats/7/stream/", "/chat"] {
            check(&Method::GET, path, Route::NotFound);
        }
    }

    #[test]
    fn an_id_has_64_plain_characters_at_most() {
        let longest = "x".repeat(64);
        check(&Method::GET, &format!("/chats/{longest}"), Route::Follow(&longest));
        for id in ["", "a b", "a%20b", "é", "a.b", "..", "a~b", "x".repeat(65).as_str()] {
            check(&Method::GET, &format!("/chats/{id}"), Route::BadId);
            check(&Method::POST, &format!("/chats/{id}"), Route::BadId);
        }
    }

    #[test]
    fn the_id_stream_is_an_answer() {
        check(&Method::GET, "/chats/stream", Route::Follow("stream"));
        check(&Method::GET, "/chats/stream/stream", Route::FollowChat("stream"));
    }
}
