//! A pattern string to the part of a program that matches it (URL Pattern, "parsing" and "converting part lists to
//! regular expressions").

use crate::pattern::builder::Builder;
use crate::pattern::invalid::InvalidPattern;
use crate::pattern::program::ANY;
use crate::pattern::regexp;
use crate::pattern::urlpattern::component::Component;
use crate::pattern::urlpattern::tokenizer::{Kind, Token, tokenize};

/// Adds to a program what matches a component for which this pattern stands.
///
/// # Errors
///
/// When it is not valid.
pub(crate) fn compile(text: &str, component: Component, builder: &mut Builder) -> Result<(), InvalidPattern> {
    let tokens = tokenize(text, false)?;
    let mut parser = Parser { tokens: &tokens, fixed: String::new(), names: Vec::new(), component, builder };
    while !parser.tokens.is_empty() {
        parser.part()?;
    }
    Ok(())
}

struct Parser<'t, 'b> {
    /// What is not read yet.
    tokens: &'b [Token<'t>],
    /// Fixed text that is not in the program yet.
    fixed: String,
    names: Vec<&'t str>,
    component: Component,
    builder: &'b mut Builder,
}

/// What stands between a prefix and a suffix.
#[derive(Clone, Copy)]
struct Group<'t> {
    name: Option<&'t str>,
    matcher: Option<Token<'t>>,
}

impl<'t> Parser<'t, '_> {
    /// Reads one part, or some fixed text.
    fn part(&mut self) -> Result<(), InvalidPattern> {
        let character = self.eat(Kind::Char);
        if let Some(group) = self.group() {
            let mut prefix = character.unwrap_or_default();
            if prefix != self.component.prefix() {
                self.fixed.push_str(prefix);
                prefix = "";
            }
            return self.add(prefix, group, "");
        }
        if let Some(fixed) = character.or_else(|| self.eat(Kind::Escaped)) {
            self.fixed.push_str(fixed);
            return Ok(());
        }
        if self.eat(Kind::Open).is_some() {
            let prefix = self.text();
            let group = self.group().unwrap_or(Group { name: None, matcher: None });
            let suffix = self.text();
            if self.eat(Kind::Close).is_none() {
                return Err(InvalidPattern(
                    "the URL pattern has a { } with more than one group in it, or one that is not closed: write { } \
                     around each, and \\{ for a brace",
                ));
            }
            return self.add(&prefix, group, &suffix);
        }
        self.flush()?;
        match self.eat(Kind::End) {
            Some(_) => Ok(()),
            None => Err(InvalidPattern(
                "the URL pattern has a ? + or } after what it cannot follow: write it after a group, or a backslash \
                 before it",
            )),
        }
    }

    /// Takes the next token, if it is of this kind.
    fn eat(&mut self, kind: Kind) -> Option<&'t str> {
        self.eat_token(kind).map(|token| token.value)
    }

    fn eat_token(&mut self, kind: Kind) -> Option<Token<'t>> {
        let (first, rest) = self.tokens.split_first().filter(|(first, _)| first.kind == kind)?;
        self.tokens = rest;
        Some(*first)
    }

    /// A name, and what it stands for; or one of the two.
    fn group(&mut self) -> Option<Group<'t>> {
        let name = self.eat(Kind::Name);
        let regexp = self.eat_token(Kind::Regexp);
        let matcher = regexp.or_else(|| if name.is_none() { self.eat_token(Kind::Asterisk) } else { None });
        (name.is_some() || matcher.is_some()).then_some(Group { name, matcher })
    }

    /// "consume text"
    fn text(&mut self) -> String {
        let mut text = String::new();
        while let Some(character) = self.eat(Kind::Char).or_else(|| self.eat(Kind::Escaped)) {
            text.push_str(character);
        }
        text
    }

    /// "maybe add a part from the pending fixed value"
    fn flush(&mut self) -> Result<(), InvalidPattern> {
        let fixed = std::mem::take(&mut self.fixed);
        self.builder.text(&self.component.canonical(&fixed)?);
        Ok(())
    }

    /// "add a part", with the modifier that follows.
    fn add(&mut self, prefix: &str, group: Group<'t>, suffix: &str) -> Result<(), InvalidPattern> {
        let is_group = group.name.is_some() || group.matcher.is_some();
        // Fixed text before a group is a piece of its own, even if the group is only fixed text with a modifier.
        let (least, most) = match self.eat(Kind::Modifier).or_else(|| self.eat(Kind::Asterisk)) {
            None if !is_group => {
                self.fixed.push_str(prefix);
                return Ok(());
            }
            None => (1, Some(1)),
            Some("?") => (0, Some(1)),
            Some("+") => (1, None),
            Some(_) => (0, None),
        };
        self.flush()?;
        if let Some(name) = group.name {
            if self.names.contains(&name) {
                return Err(InvalidPattern("the URL pattern has two groups of one name in a component: rename one"));
            }
            self.names.push(name);
        }
        let (prefix, suffix) = (self.component.canonical(prefix)?, self.component.canonical(suffix)?);
        let start = self.builder.here();
        self.builder.text(&prefix);
        if !is_group {
            self.builder.repeat(start, least, most);
            return Ok(());
        }
        let matcher = self.builder.here();
        self.matcher(group)?;
        if most.is_none() && !(prefix.is_empty() && suffix.is_empty()) {
            // Prefix and suffix are between the repetitions, too: `prefix group (suffix prefix group)* suffix`.
            let again = self.builder.here();
            self.builder.text(&suffix);
            self.builder.text(&prefix);
            self.builder.copy(matcher, again);
            self.builder.repeat(again, 0, None);
            self.builder.text(&suffix);
            self.builder.repeat(start, least, Some(1));
        } else {
            self.builder.text(&suffix);
            self.builder.repeat(start, least, most);
        }
        Ok(())
    }

    /// What a group matches.
    fn matcher(&mut self, group: Group<'t>) -> Result<(), InvalidPattern> {
        match group.matcher {
            Some(Token { kind: Kind::Regexp, value, .. }) => return regexp::compile(value, self.builder),
            Some(_) => self.builder.star(ANY),
            None => {
                self.builder.set(self.component.segment());
                self.builder.star(self.component.segment());
            }
        }
        Ok(())
    }
}
