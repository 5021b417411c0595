//! `forebay.toml`: the same settings as the command line, which wins over it.

use crate::args::{Global, ValidationArg};
use crate::exit::Failure;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// More threads than any machine has are a mistake.
const MAX_THREADS: usize = 4096;

/// The name looked for in the working folder when `--config` is not given.
const DEFAULT_FILE: &str = "forebay.toml";

/// The file's contents. Unknown keys are refused.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct File {
    /// Worker threads; 0 means one per core.
    threads: usize,
    /// How far `prove` checks a key.
    validation: Option<ValidationArg>,
    cache: CacheSection,
    /// Many proofs in flight: see `forebay_scheduler::config`.
    scheduler: forebay_scheduler::config::Config,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct CacheSection {
    enabled: bool,
    dir: Option<PathBuf>,
}

impl Default for CacheSection {
    fn default() -> Self {
        CacheSection { enabled: true, dir: None }
    }
}

/// What is in force.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) threads: usize,
    pub(crate) validation: ValidationArg,
    /// `None` when caching is off.
    pub(crate) cache_dir: Option<PathBuf>,
    /// Not yet checked against the machine: that is done where it is used.
    pub(crate) scheduler: forebay_scheduler::config::Config,
}

impl Config {
    /// The file, overridden by the command line.
    pub(crate) fn load(global: &Global) -> Result<Config, Failure> {
        let file = match &global.config {
            Some(path) => read(path)?,
            None if Path::new(DEFAULT_FILE).exists() => read(Path::new(DEFAULT_FILE))?,
            None => File::default(),
        };
        let threads = global.threads.unwrap_or(file.threads);
        if threads > MAX_THREADS {
            return Err(Failure::usage(format!("threads = {threads}: at most {MAX_THREADS} make sense")));
        }
        let threads = if threads == 0 { available_threads() } else { threads };
        let dir = global.cache_dir.clone().or(file.cache.dir).or_else(default_cache_dir);
        let cache_dir = dir.filter(|_| file.cache.enabled && !global.no_cache);
        Ok(Config {
            threads,
            validation: file.validation.unwrap_or(ValidationArg::Subgroup),
            cache_dir,
            scheduler: file.scheduler,
        })
    }
}

fn read(path: &Path) -> Result<File, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| Failure::usage(format!("configuration {}: {e}", path.display())))?;
    parse(&text)
        .map_err(|e| Failure::usage(format!("configuration {}: {}", path.display(), e.replace('\n', " "))))
}

fn parse(text: &str) -> Result<File, String> {
    toml::from_str(text).map_err(|e| e.message().to_owned() + &position(text, e.span()))
}

fn position(text: &str, span: Option<std::ops::Range<usize>>) -> String {
    let Some(before) = span.and_then(|s| text.get(..s.start)) else { return String::new() };
    format!(" (line {})", before.matches('\n').count() + 1)
}

fn available_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn default_cache_dir() -> Option<PathBuf> {
    Some(dirs::cache_dir()?.join("forebay"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read() {
        let file = parse("threads = 3\nvalidation = \"on-curve\"\n[cache]\nenabled = false\n").unwrap();
        assert_eq!(file.threads, 3);
        assert!(matches!(file.validation, Some(ValidationArg::OnCurve)));
        assert!(!file.cache.enabled);
        assert!(parse("").unwrap().cache.enabled);
    }

    #[test]
    fn nonsense_is_refused_with_the_line() {
        for (text, complaint) in [
            ("threds = 3", "unknown field `threds`"),
            ("\nthreads = -1", "(line 2)"),
            ("threads = 99999999999999999999", "(line 1)"),
            ("validation = \"most\"", "unknown variant"),
            ("[cache]\nsize = 1", "unknown field `size`"),
            ("threads = ", "(line 1)"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(complaint), "{text:?}: {error}");
        }
    }
}
