//! Access: who may do what.

pub(crate) mod origins;

pub(crate) mod algorithm;
#[cfg(feature = "keys")]
pub(crate) mod rsa;

#[cfg_attr(not(feature = "keys"), path = "access/no_public_key.rs")]
pub(crate) mod public_key;

pub(crate) mod key;

#[cfg(feature = "keys")]
pub(crate) mod jwks;
#[cfg(feature = "keys")]
pub(crate) mod pem;

pub(crate) mod keys;

pub(crate) mod grant;
pub(crate) mod invalid_token;
pub(crate) mod token;

#[cfg(feature = "keys")]
pub(crate) mod key_cache;

pub(crate) mod tokens;

pub(crate) mod token_settings;

pub(crate) mod credentials;
pub(crate) mod metadata;
pub(crate) mod policy;

#[cfg(test)]
#[cfg(feature = "keys")]
mod tests;
