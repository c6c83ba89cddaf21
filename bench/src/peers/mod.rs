//! The servers: the hub, and those beside which it is measured.

pub mod component;
pub mod native;
pub mod nchan;
pub mod redis;
