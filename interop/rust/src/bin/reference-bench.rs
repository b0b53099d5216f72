//! The crate's side of the micro rows.
//!
//!   reference-bench write --payloads DIR --into DIR     every payload as the crate encodes it
//!   reference-bench read --from DIR                     what the crate decodes, one JSON object
//!   reference-bench rows --payloads DIR --encoded DIR [--rows A,B,…] [--batch-ms N] [--repetitions N]

use std::path::Path;

use picket_interop::arguments::{fail, Arguments};
use picket_interop::payload::Payloads;
use picket_interop::rows;
use picket_interop::timing::Bench;

fn read_all(folder: &Path) -> serde_json::Value {
    let files = std::fs::read_dir(folder).unwrap_or_else(|error| fail(&format!("{}: {error}", folder.display())));
    files
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().to_string_lossy().to_string();
            let content = rows::decode_to_json(&name, &std::fs::read(entry.path()).unwrap());
            (name, content)
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn main() {
    let command = std::env::args().nth(1).unwrap_or_default();
    let arguments = Arguments::read(1);
    match command.as_str() {
        "write" => {
            let into = Path::new(arguments.text("into"));
            rows::encode_all(&Payloads::new(arguments.text("payloads")), into)
                .unwrap_or_else(|error| fail(&format!("{}: {error}", into.display())));
        }
        "read" => println!("{}", read_all(Path::new(arguments.text("from")))),
        "rows" => {
            let wanted = arguments.get("rows").map(|rows| rows.split(',').map(str::to_string).collect());
            let bench = Bench::new(wanted, arguments.number("batch-ms", 10), arguments.number("repetitions", 5));
            rows::run(&bench, &Payloads::new(arguments.text("payloads")), Path::new(arguments.text("encoded")));
        }
        _ => fail("usage: reference-bench write|read|rows --name value …; see the top of its source"),
    }
}
