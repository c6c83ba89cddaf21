//! The upstream: who is asked, and with which words.

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Uri};

use crate::question::Question;

/// Where questions go, by the component's variables.
#[derive(Clone)]
pub struct Upstream {
    url: Uri,
    authorization: Option<HeaderValue>,
    model: String,
}

impl Upstream {
    /// An upstream at `url`; an empty `api_key` or `model` is none.
    ///
    /// # Errors
    ///
    /// One sentence that names the variable that is wrong, and does not show the key.
    pub fn new(url: &str, api_key: &str, model: &str) -> Result<Upstream, String> {
        let wrong = || format!("variable upstream must be a URL such as https://host/v1/chat/completions, not {url:?}");
        let uri: Uri = url.trim().parse().map_err(|_| wrong())?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.authority().is_none() {
            return Err(wrong());
        }
        let authorization = match api_key.trim() {
            "" => None,
            key => {
                let value = HeaderValue::try_from(format!("Bearer {key}"));
                let mut value =
                    value.map_err(|_| "variable api_key has a character that no header can have".to_owned())?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        Ok(Upstream { url: uri, authorization, model: model.trim().to_owned() })
    }

    /// The request that asks the upstream.
    pub fn request(&self, question: Question) -> Request<Bytes> {
        let mut request = Request::new(Bytes::from(question.into_body(&self.model)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.clone();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Question {
        Question::parse(br#"{"messages": [{"role": "user", "content": "why?"}]}"#).unwrap()
    }

    #[test]
    fn the_upstream_is_asked_with_the_key_and_the_model() {
        let upstream = Upstream::new("https://models.example/v1/chat/completions", "sk-1", "small").unwrap();
        let request = upstream.request(question());
        assert_eq!(request.method(), Method::POST);
        assert_eq!(request.uri(), "https://models.example/v1/chat/completions");
        assert_eq!(request.headers()[AUTHORIZATION], "Bearer sk-1");
        assert!(request.headers()[AUTHORIZATION].is_sensitive());
        assert_eq!(request.headers()[CONTENT_TYPE], "application/json");
        assert!(String::from_utf8_lossy(request.body()).contains(r#""model":"small""#));
    }

    #[test]
    fn an_upstream_without_a_key_is_sent_none() {
        let request = Upstream::new("http://127.0.0.1:11434/v1/chat/completions", "", "").unwrap().request(question());
        assert!(!request.headers().contains_key(AUTHORIZATION));
    }

    #[test]
    fn a_variable_that_is_wrong_is_named() {
        for url in ["", "models.example", "/v1", "ftp://models.example/", "https:// x"] {
            let error = Upstream::new(url, "", "").err().unwrap();
            assert!(error.starts_with("variable upstream must be"), "{error}");
        }
        let error = Upstream::new("https://models.example/", "secret\nkey", "").err().unwrap();
        assert!(error.starts_with("variable api_key has") && !error.contains("secret"), "{error}");
    }
}
