//! What handlers were handed, a line of JSON for each event: `{"event": KIND, "message": …}`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::Mutex;

use serde::Serialize;

pub struct Log(Option<Mutex<BufWriter<File>>>);

impl Log {
    /// To the file at `path`; nowhere without one.
    pub fn new(path: Option<&str>) -> std::io::Result<Self> {
        Ok(Self(match path {
            Some(path) => Some(Mutex::new(BufWriter::new(File::create(path)?))),
            None => None,
        }))
    }

    pub fn note(&self, event: &str, message: &impl Serialize) {
        if let Some(log) = &self.0 {
            let mut log = log.lock().unwrap();
            writeln!(log, "{}", serde_json::json!({ "event": event, "message": message })).expect("the log takes it");
            log.flush().expect("the log takes it");
        }
    }
}
