//! The interface `spin:redis`, generated from `wit/redis.wit`.

wasmtime::component::bindgen!({
    path: "wit/redis.wit",
    world: "serves-redis",
    with: { "spin:redis/redis.connection": super::connection::Connection },
});
