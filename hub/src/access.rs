//! Access: who may do what.

pub(crate) mod origins;

pub(crate) mod credentials;
pub(crate) mod grant;
pub(crate) mod token;

pub(crate) mod policy;
