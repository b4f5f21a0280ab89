//! The fuzz targets over their corpora, and over some thousand changes to them that are the same
//! each time: what libFuzzer found once stays found without it.

use std::{fs, path::Path};

use rand::{RngExt, SeedableRng, rngs::StdRng};

#[expect(
    unreachable_pub,
    reason = "they are a crate of their own for libFuzzer"
)]
#[path = "../../../fuzz/src/lib.rs"]
mod targets;

/// Changed inputs of each target.
const MUTATIONS: usize = 2_000;
/// Most changes to one seed.
const CHANGES_MAX: usize = 6;
/// What an attacker would write: what JSON, CSV and our own syntax mean something by.
const TOKENS: [&[u8]; 18] = [
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"[[[[[[[[",
    b",",
    b":null",
    b"|",
    b"v1|",
    b"-1",
    b"99999999999999999999",
    b"1e309",
    b"\xff\xfe",
    b"\r\n",
    "İ".as_bytes(),
    "\u{202e}".as_bytes(),
];

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target);
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// One change: bytes flipped, cut, doubled, or a token or a piece of another seed put in.
fn change(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut StdRng) {
    let at = random.random_range(0..=bytes.len());
    let end = random.random_range(at..=bytes.len());
    match random.random_range(0..6) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
        1 => drop(bytes.drain(at..end)),
        2 => bytes.truncate(at),
        3 => {
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece);
        }
        4 => {
            let seed = &seeds[random.random_range(0..seeds.len())];
            let from = random.random_range(0..=seed.len());
            bytes.splice(at..end, seed[from..].iter().copied());
        }
        _ => {
            let token = TOKENS[random.random_range(0..TOKENS.len())];
            bytes.splice(at..at, token.iter().copied());
        }
    }
}

fn replay(name: &str, target: fn(&[u8])) {
    let seeds = corpus(name);
    assert!(!seeds.is_empty(), "{name} has no corpus");
    let holds = |bytes: &[u8]| {
        let outcome = std::panic::catch_unwind(|| target(bytes));
        assert!(outcome.is_ok(), "{name}: {}", bytes.escape_ascii());
    };
    for seed in &seeds {
        holds(seed);
    }
    let mut random = StdRng::seed_from_u64(1);
    for _ in 0..MUTATIONS {
        let mut bytes = seeds[random.random_range(0..seeds.len())].clone();
        for _ in 0..random.random_range(1..=CHANGES_MAX) {
            change(&mut bytes, &seeds, &mut random);
        }
        holds(&bytes);
    }
}

#[test]
fn every_item_of_whatever_webhook_is_read_or_kept_as_it_came() {
    replay("webhook", targets::webhook::holds);
}

#[test]
fn whatever_comes_as_a_notification_is_trusted_only_with_the_key() {
    replay("notification", targets::notification::holds);
}

#[test]
fn whatever_is_typed_or_tapped_means_one_thing_and_comes_back() {
    replay("command", targets::command::holds);
}

#[test]
fn no_row_of_whatever_catalogue_is_dropped_in_silence() {
    replay("catalogue", targets::catalogue::holds);
}

#[test]
fn whatever_the_configuration_all_faults_are_told_at_once_and_no_secret() {
    replay("configuration", targets::configuration::holds);
}
