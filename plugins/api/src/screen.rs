//! What containers that draw on the session's screen need.

/// Until the sidecar's X server listens; the launch's deadline bounds it.
const WAIT: &str = r#"until [ -S /tmp/.X11-unix/X0 ]; do sleep 0.1; done; exec "$@""#;

/// The `command` of a container that draws on the screen of a VNC sidecar.
///
/// The containers of a pod start together, and the screen comes a moment later: a program that opens a window at once ends
/// with "can't open display", and its session with it. This command waits for the screen's socket and then becomes the
/// given one. It needs `sh` and `sleep` in the image. An image whose entry point waits by itself needs no command.
pub fn on_screen(command: &[&str]) -> Vec<String> {
    ["sh", "-c", WAIT, "sh"]
        .iter()
        .chain(command)
        .map(|word| (*word).to_owned())
        .collect()
}
