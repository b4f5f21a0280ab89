//! What the demo prints.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::Instant;

use warung_testkit::console::say;

use crate::ports::Ports;

/// Columns of the printed conversation.
const WIDTH: usize = 78;
/// Columns of one bubble.
const BUBBLE: usize = 56;

/// Standard output, with colours when it is a terminal.
#[derive(Debug)]
pub(crate) struct Terminal {
    begun: Instant,
    colours: bool,
}

#[derive(Clone, Copy)]
enum Ink {
    Bold,
    Dim,
    Green,
    Red,
    Cyan,
}

impl Terminal {
    /// Measures elapsed time from now on.
    pub(crate) fn new() -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            begun: Instant::now(),
            colours: std::io::stdout().is_terminal() && !plain,
        }
    }

    /// One finished step.
    pub(crate) fn done(&self, step: &str) {
        let elapsed = format!("{:5.1} s", self.begun.elapsed().as_secs_f32());
        let (elapsed, tick) = (self.ink(Ink::Dim, &elapsed), self.ink(Ink::Green, "✓"));
        say(&format!("{elapsed}  {tick} {step}"));
    }

    /// A step that has begun and takes a while.
    pub(crate) fn begun(&self, step: &str) {
        let elapsed = format!("{:5.1} s", self.begun.elapsed().as_secs_f32());
        say(&format!("{}  … {step}", self.ink(Ink::Dim, &elapsed)));
    }

    /// A title.
    pub(crate) fn heading(&self, text: &str) {
        say(&format!("\n{}\n", self.ink(Ink::Bold, text)));
    }

    /// What went wrong, with all causes.
    pub(crate) fn fault(&self, error: &anyhow::Error) {
        let text = self.ink(Ink::Red, &format!("✗ {error:#}"));
        // Nobody is left to tell when standard error is closed.
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    pub(crate) fn stopping(&self) {
        say("");
        self.begun("stopping");
    }

    /// A remark between the bubbles.
    pub(crate) fn remark(&self, text: &str) {
        let text = format!("{:^WIDTH$}", format!("· {text} ·"));
        say(&self.ink(Ink::Dim, text.trim_end()));
        say("");
    }

    /// Something the customer wrote or tapped: on the right, as on a phone.
    pub(crate) fn customer(&self, text: &str) {
        for line in bubble(text) {
            let margin = " ".repeat(WIDTH.saturating_sub(columns(&line)));
            say(&format!("{margin}{}", self.ink(Ink::Green, &line)));
        }
        say("");
    }

    /// Something the shop sent: on the left, with what can be tapped under it.
    pub(crate) fn shop(&self, text: &str, extras: &[String]) {
        for line in bubble(text) {
            say(&line);
        }
        for extra in extras {
            say(&self.ink(Ink::Cyan, &format!("  {extra}")));
        }
        say("");
    }

    /// Where everything is, while the demo waits.
    pub(crate) fn addresses(&self, ports: &Ports, state: &Path) {
        self.heading("The shop is open");
        let local = |port: u16, path: &str| format!("http://127.0.0.1:{port}{path}");
        let rows = [
            ("Phone: chat as its customers", local(ports.phone, "/")),
            ("Payments: pay, fail, expire", local(ports.pay, "/")),
            ("Metrics of the first bot", local(ports.bot1, "/metrics")),
            ("Metrics of the second bot", local(ports.bot2, "/metrics")),
            ("Logs", state.join("logs").display().to_string()),
        ];
        for (what, address) in rows {
            say(&format!("  {what:<30} {}", self.ink(Ink::Cyan, &address)));
        }
        say("\n  Write as \"Sari (staff)\" to run the shop by chat: stok, harga, kirim, rekap.");
        say("  Stop: Ctrl-C");
    }

    fn ink(&self, ink: Ink, text: &str) -> String {
        if !self.colours {
            return text.to_owned();
        }
        let code = match ink {
            Ink::Bold => 1,
            Ink::Dim => 2,
            Ink::Red => 31,
            Ink::Green => 32,
            Ink::Cyan => 36,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// The lines of a bubble: wrapped, with a frame.
fn bubble(text: &str) -> Vec<String> {
    let lines: Vec<String> = text.lines().flat_map(wrap).collect();
    let width = lines.iter().map(|line| columns(line)).max().unwrap_or(0);
    let edge = "─".repeat(width + 2);
    let mut framed = vec![format!("╭{edge}╮")];
    framed.extend(lines.iter().map(|line| {
        let fill = " ".repeat(width - columns(line));
        format!("│ {line}{fill} │")
    }));
    framed.push(format!("╰{edge}╯"));
    framed
}

fn wrap(line: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in line.split(' ') {
        let last = lines.last().map_or(0, |line| columns(line));
        if last > 0 && last + 1 + columns(word) > BUBBLE {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// Columns that a terminal gives a text: pictures are two wide, joiners and variants none.
fn columns(text: &str) -> usize {
    const WIDE: [std::ops::RangeInclusive<char>; 8] = [
        '\u{231a}'..='\u{231b}',
        '\u{23e9}'..='\u{23f3}',
        '\u{2615}'..='\u{2615}',
        '\u{2705}'..='\u{2705}',
        '\u{274c}'..='\u{274e}',
        '\u{2753}'..='\u{2757}',
        '\u{2e80}'..='\u{a4cf}',
        '\u{1f300}'..='\u{1faff}',
    ];
    let wide = |c: char| match c {
        '\u{200d}' | '\u{fe00}'..='\u{fe0f}' => 0,
        _ if WIDE.iter().any(|range| range.contains(&c)) => 2,
        _ => 1,
    };
    text.chars().map(wide).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bubbles_are_wrapped_and_framed_evenly() {
        let lines =
            bubble("Selamat datang di Toko Sari ☕\nkopi, camilan, sembako, dan banyak lagi");
        assert!(
            lines.iter().all(|line| columns(line) == columns(&lines[0])),
            "{lines:#?}"
        );
        assert_eq!(lines.len(), 4);
        let long = "kata ".repeat(40);
        assert!(bubble(&long).iter().all(|line| columns(line) <= BUBBLE + 4));
    }
}
