//! nchan, the publish-and-subscribe module of nginx, with as many workers as cores.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::process::{Process, free_address};
use crate::server::{Dialect, Server};

/// Where Debian puts it.
const MODULE: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

/// Starts it; `None` when it is not installed.
pub fn start() -> Result<Option<Server>> {
    if !Path::new(MODULE).exists() {
        println!("nchan is left out: apt-get install nginx libnginx-mod-nchan");
        return Ok(None);
    }
    let (address, state) = (free_address()?, tempfile::tempdir()?);
    let directory = state.path();
    let file = directory.join("nginx.conf");
    fs::write(&file, configuration(&address.to_string(), &directory.display().to_string()))?;
    let mut command = Command::new("nginx");
    command.arg("-c").arg(&file).arg("-p").arg(directory).arg("-e").arg(directory.join("error.log"));
    let process = Process::start(command, address, directory)?;
    Ok(Some(Server { name: "nchan".to_owned(), address, process, dialect: Dialect::Nchan, state }))
}

/// The history is as long as the hub's.
fn configuration(address: &str, directory: &str) -> String {
    format!(
        "load_module {MODULE};
        daemon off; worker_processes auto; worker_rlimit_nofile 65536; pid {directory}/pid;
        events {{ worker_connections 16384; }}
        http {{
            access_log off; client_body_temp_path {directory}; proxy_temp_path {directory};
            fastcgi_temp_path {directory}; uwsgi_temp_path {directory}; scgi_temp_path {directory};
            keepalive_requests 1000000000; tcp_nodelay on;
            nchan_shared_memory_size 512M; nchan_message_buffer_length 10000; nchan_message_timeout 1h;
            server {{
                listen {address} backlog=4096;
                location = /pub {{ nchan_publisher; nchan_channel_id $arg_id; }}
                location = /sub {{
                    nchan_subscriber eventsource; nchan_channel_id $arg_id; nchan_subscriber_first_message newest;
                }}
                location = /earliest {{
                    nchan_subscriber eventsource; nchan_channel_id $arg_id; nchan_subscriber_first_message oldest;
                }}
            }}
        }}
        "
    )
}
