//! A whole pattern to the patterns of its components (URL Pattern, "constructor string parsing").

use crate::pattern::builder::Builder;
use crate::pattern::invalid::InvalidPattern;
use crate::pattern::program::END;
use crate::pattern::url;
use crate::pattern::urlpattern::component::Component;
use crate::pattern::urlpattern::parser;
use crate::pattern::urlpattern::tokenizer::{Kind, Token, tokenize};

/// The patterns of the components, those that are given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts<'t> {
    pub(crate) protocol: Option<&'t str>,
    pub(crate) username: Option<&'t str>,
    pub(crate) password: Option<&'t str>,
    pub(crate) hostname: Option<&'t str>,
    pub(crate) port: Option<&'t str>,
    pub(crate) pathname: Option<&'t str>,
    pub(crate) search: Option<&'t str>,
    pub(crate) hash: Option<&'t str>,
}

/// Which component is being read. In this order they stand in a pattern.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum State {
    Init,
    Protocol,
    Authority,
    Username,
    Password,
    Hostname,
    Port,
    Pathname,
    Search,
    Hash,
    Done,
}

/// Takes a pattern apart.
///
/// # Errors
///
/// When its scheme is no valid pattern.
pub(crate) fn parse(text: &str) -> Result<Parts<'_>, InvalidPattern> {
    let mut parser = Parser {
        text,
        tokens: tokenize(text, true)?,
        at: 0,
        start: 0,
        depth: 0,
        in_brackets: 0,
        special: false,
        state: State::Init,
        parts: Parts::default(),
    };
    while parser.state != State::Done {
        parser.step()?;
    }
    if parser.parts.hostname.is_some() && parser.parts.port.is_none() {
        parser.parts.port = Some("");
    }
    Ok(parser.parts)
}

/// Whether a pattern for the scheme matches a special one ("protocol component matches a special scheme").
///
/// # Errors
///
/// When it is not valid.
pub(crate) fn is_special(protocol: &str) -> Result<bool, InvalidPattern> {
    let mut builder = Builder::default();
    parser::compile(protocol, Component::Protocol, &mut builder)?;
    let program = builder.finish(END)?;
    Ok(url::special_schemes().any(|scheme| program.matches(scheme.as_bytes())))
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token<'t>>,
    /// The token that is looked at.
    at: usize,
    /// The one with which the component begins.
    start: usize,
    /// How many braces are open.
    depth: usize,
    /// How many brackets of an IPv6 address are.
    in_brackets: isize,
    /// Whether the scheme can be a special one.
    special: bool,
    state: State,
    parts: Parts<'t>,
}

impl<'t> Parser<'t> {
    /// Looks at one token.
    fn step(&mut self) -> Result<(), InvalidPattern> {
        let kind = self.token(self.at).kind;
        if kind == Kind::End {
            match self.state {
                // No scheme was found, so it is relative.
                State::Init => {
                    self.at = self.start;
                    match (self.is("#"), self.is_search()) {
                        (true, _) => self.change(State::Hash, 1),
                        (_, true) => self.change(State::Search, 1),
                        _ => self.change(State::Pathname, 0),
                    }
                }
                // Neither was an @, so there is no user name.
                State::Authority => self.rewind(State::Hostname),
                _ => self.change(State::Done, 0),
            }
            return Ok(());
        }
        // No component ends within braces.
        match kind {
            Kind::Open => self.depth = self.depth.saturating_add(1),
            Kind::Close if self.depth > 0 => self.depth = self.depth.saturating_sub(1),
            _ if self.depth == 0 => return self.component(),
            _ => {}
        }
        self.skip();
        Ok(())
    }

    /// Looks at a token for the end of the component.
    fn component(&mut self) -> Result<(), InvalidPattern> {
        use State::{Authority, Hash, Hostname, Init, Password, Pathname, Port, Protocol, Search, Username};
        match self.state {
            Init if self.is(":") => self.rewind(Protocol),
            Protocol if self.is(":") => {
                self.special |= is_special(self.component_text())?;
                let slash = |after: usize| self.is_char(self.at.saturating_add(after), "/");
                match (slash(1) && slash(2), self.special) {
                    (true, _) => self.change(Authority, 3),
                    (_, true) => self.change(Authority, 1),
                    _ => self.change(Pathname, 1),
                }
            }
            Authority if self.is("@") => self.rewind(Username),
            Authority if self.is("/") || self.is_search() || self.is("#") => self.rewind(Hostname),
            Username if self.is(":") => self.change(Password, 1),
            Username | Password if self.is("@") => self.change(Hostname, 1),
            Hostname if self.is("[") => {
                self.in_brackets = self.in_brackets.saturating_add(1);
                self.skip();
            }
            Hostname if self.is("]") => {
                self.in_brackets = self.in_brackets.saturating_sub(1);
                self.skip();
            }
            Hostname if self.is(":") && self.in_brackets == 0 => self.change(Port, 1),
            Hostname | Port if self.is("/") => self.change(Pathname, 0),
            Hostname | Port | Pathname if self.is_search() => self.change(Search, 1),
            Hostname | Port | Pathname | Search if self.is("#") => self.change(Hash, 1),
            _ => self.skip(),
        }
        Ok(())
    }

    fn skip(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    fn rewind(&mut self, state: State) {
        self.at = self.start;
        self.state = state;
    }

    /// "change state": the component ends here, and another one begins after as many tokens.
    fn change(&mut self, new: State, skip: usize) {
        let text = self.component_text();
        let parts = &mut self.parts;
        match self.state {
            State::Init | State::Authority | State::Done => {}
            State::Protocol => parts.protocol = Some(text),
            State::Username => parts.username = Some(text),
            State::Password => parts.password = Some(text),
            State::Hostname => parts.hostname = Some(text),
            State::Port => parts.port = Some(text),
            State::Pathname => parts.pathname = Some(text),
            State::Search => parts.search = Some(text),
            State::Hash => parts.hash = Some(text),
        }
        // What stands before a component that is given, and is not given itself, is empty: any would be too much.
        if self.state != State::Init && new != State::Done {
            if self.state <= State::Password && new >= State::Port {
                parts.hostname.get_or_insert("");
            }
            if self.state <= State::Port && new >= State::Search {
                parts.pathname.get_or_insert(if self.special { "/" } else { "" });
            }
            if self.state <= State::Pathname && new == State::Hash {
                parts.search.get_or_insert("");
            }
        }
        self.state = new;
        self.at = self.at.saturating_add(skip);
        self.start = self.at;
    }

    /// "get a safe token"
    fn token(&self, at: usize) -> Token<'t> {
        let end = Token { kind: Kind::End, index: self.text.len(), value: "" };
        self.tokens.get(at).copied().unwrap_or(end)
    }

    /// Whether this character is looked at, and stands for itself.
    fn is(&self, character: &str) -> bool {
        self.is_char(self.at, character)
    }

    /// "is a non-special pattern char"
    fn is_char(&self, at: usize, character: &str) -> bool {
        let token = self.token(at);
        token.value == character && matches!(token.kind, Kind::Char | Kind::Escaped | Kind::Invalid)
    }

    /// "is a search prefix": a question mark that makes no group optional.
    fn is_search(&self) -> bool {
        let after_group = self.at.checked_sub(1).is_some_and(|before| {
            matches!(self.token(before).kind, Kind::Name | Kind::Regexp | Kind::Close | Kind::Asterisk)
        });
        self.is("?") || (self.token(self.at).value == "?" && !after_group)
    }

    /// "make a component string"
    fn component_text(&self) -> &'t str {
        self.text.get(self.token(self.start).index..self.token(self.at).index).unwrap_or_default()
    }
}
