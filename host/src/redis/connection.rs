//! What a component has of a server: a connection.

use ::redis::aio::MultiplexedConnection;
use ::redis::io::tcp::TcpSettings;
use ::redis::{AsyncConnectionConfig, Client, RedisResult};

/// A connection of its own to a server. It ends when its resource is dropped and no command runs on it any more.
///
/// A command ends when its future is dropped: the server then sees the end even of a client that it has put to sleep.
#[allow(unreachable_pub, reason = "the generated code re-exports it")]
pub struct Connection(pub(super) MultiplexedConnection);

impl Connection {
    pub(super) async fn open(client: &Client) -> RedisResult<Self> {
        // Commands are small, and each is waited for.
        let settings = AsyncConnectionConfig::new().set_tcp_settings(TcpSettings::default().set_nodelay(true));
        client.get_multiplexed_async_connection_with_config(&settings).await.map(Self)
    }
}
