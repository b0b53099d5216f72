//! Command lines of the form `PROGRAM --name value …`.

use std::collections::HashMap;
use std::str::FromStr;

pub struct Arguments(HashMap<String, String>);

impl Arguments {
    /// Of this process, without its name and the first `skipped` words. Exits with 2 where they cannot be read.
    pub fn read(skipped: usize) -> Self {
        let mut values = HashMap::new();
        let mut words = std::env::args().skip(1 + skipped);
        while let Some(word) = words.next() {
            match (word.strip_prefix("--"), words.next()) {
                (Some(name), Some(value)) => values.insert(name.to_string(), value),
                _ => fail(&format!("expected --name value, got '{word}'")),
            };
        }
        Self(values)
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_else(|| fail(&format!("--{name} is missing")))
    }

    pub fn number<T: FromStr>(&self, name: &str, otherwise: T) -> T {
        match self.get(name) {
            Some(value) => value.parse().unwrap_or_else(|_| fail(&format!("--{name}: not a number"))),
            None => otherwise,
        }
    }
}

pub fn fail(message: &str) -> ! {
    eprintln!("{message}");
    std::process::exit(2)
}
