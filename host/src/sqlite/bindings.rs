//! The interface `spin:sqlite`, generated from `wit/sqlite.wit`.

wasmtime::component::bindgen!({
    path: "wit/sqlite.wit",
    world: "serves-sqlite",
    with: { "spin:sqlite/sqlite.connection": super::connection::Connection },
    imports: {
        "spin:sqlite/sqlite.[method]connection.execute": async,
        default: trappable,
    },
});
