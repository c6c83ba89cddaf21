//! Requests: their bytes to a value, or a refusal.

pub(crate) mod refusal;

pub(crate) mod form;
pub(crate) mod json;

pub(crate) mod prefer;
pub(crate) mod publish;
pub(crate) mod upload;
pub(crate) mod subscribe;
pub(crate) mod subscription;
