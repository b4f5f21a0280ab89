//! What a Job says with its last breath: one line of JSON, where Kubernetes finds it.

use std::path::PathBuf;

use serde::Serialize;

/// What Kubernetes keeps of a termination message, in bytes.
const MAX_BYTES: usize = 4_096;
/// What is kept of one text within it, in bytes.
const MAX_TEXT_BYTES: usize = 600;

/// Where the report goes.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ReportTo {
    /// Write what was done, as one line of JSON, to this file: done or failed.
    #[arg(long, env = "TERMINATION_MESSAGE", value_name = "PATH")]
    report: Option<PathBuf>,
}

impl ReportTo {
    /// Writes it. A report that cannot be written is worth a line, not the failure of what it
    /// reports.
    pub(super) fn write(&self, report: &impl Serialize) {
        let Some(path) = &self.report else { return };
        let line = match serde_json::to_string(report) {
            Ok(line) if line.len() < MAX_BYTES => line + "\n",
            Ok(line) => {
                super::complain(&format!("the report has {} bytes: too long", line.len()));
                return;
            }
            Err(error) => {
                super::complain(&format!("no report: {error}"));
                return;
            }
        };
        if let Err(error) = std::fs::write(path, line) {
            super::complain(&format!("cannot write {}: {error}", path.display()));
        }
    }
}

/// An error and its causes. Some say their cause themselves: nothing is said twice.
pub(super) fn spoken(error: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if said.is_empty() {
            said = cause;
        } else if !said.contains(&cause) {
            said = format!("{said}: {cause}");
        }
    }
    said
}

/// The beginning of a text, short enough to fit beside others.
pub(super) fn shorten(text: &str) -> String {
    let mut end = MAX_TEXT_BYTES.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    if end == text.len() {
        text.to_owned()
    } else {
        format!("{}…", &text[..end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_named_once() {
        let disk = std::io::Error::other("disk full");
        let error = anyhow::Error::new(disk)
            .context("write: disk full")
            .context("keep");
        assert_eq!(spoken(&error), "keep: write: disk full");
    }

    #[test]
    fn a_long_text_is_cut_between_letters() {
        assert_eq!(shorten("kopi"), "kopi");
        let long = "é".repeat(MAX_TEXT_BYTES);
        let short = shorten(&long);
        assert!(short.ends_with('…') && short.len() <= MAX_TEXT_BYTES + '…'.len_utf8());
    }
}
