//! Tokens as issuers sign them, by other code than that which checks them here.

mod signer;

mod attacks;
mod cache;
mod modes;
mod sources;
mod vectors;
