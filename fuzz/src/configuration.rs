//! The variables that a bot and its backups are told, one a line: `NAME=value`.

use std::collections::HashMap;

use warung_bot::config::{BackupConfig, Config, Fault, Needs};

/// A complete configuration, by which a fault can be mended.
const RIGHT: [(&str, &str); 17] = [
    ("DATABASE_URL", "postgres://warung@127.0.0.1/warung"),
    ("REDIS_URLS", "redis://127.0.0.1:7000"),
    ("PUBLIC_URL", "https://toko.example"),
    ("SHOP_NAME", "toko-sari"),
    ("WHATSAPP_GRAPH_URL", "https://graph.example"),
    ("WHATSAPP_PHONE_NUMBER_ID", "1001"),
    ("WHATSAPP_ACCESS_TOKEN", "token"),
    ("WHATSAPP_APP_SECRET", "old,new"),
    ("WHATSAPP_VERIFY_TOKEN", "verify"),
    ("MIDTRANS_SNAP_URL", "https://snap.example"),
    ("MIDTRANS_API_URL", "https://api.example"),
    ("MIDTRANS_SERVER_KEY", "key"),
    ("MIDTRANS_MERCHANT_ID", "G1"),
    ("DATA_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    ("BACKUP_DESTINATION", "file:///backups"),
    (
        "BACKUP_RECIPIENT",
        "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
    ),
    (
        "BACKUP_IDENTITY",
        "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ8H00W3",
    ),
];
/// A value shorter than this stands in any sentence by chance, in bytes.
const TELLING_BYTES: usize = 6;

type Variables = HashMap<String, String>;

/// All faults are named at once (with those mended nothing is left to refuse), and no fault shows
/// the value of any variable, nor does the configuration itself show a secret.
pub fn holds(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let given: Variables = text
        .lines()
        .filter_map(|line| line.split_once('='))
        // What a file holds is read as the value itself would be; the file is not ours to open.
        .filter(|(name, _)| !name.ends_with("_FILE"))
        .map(|(name, value)| (name.to_owned(), value.replace("\\n", "\n")))
        .collect();
    judge(&given, |variables| {
        Config::from_variables(variables.clone()).map(|config| format!("{config:?}"))
    });
    let needs = Needs {
        database: true,
        recipient: true,
        identity: true,
    };
    judge(&given, |variables| {
        BackupConfig::from_variables(variables.clone(), needs).map(|config| format!("{config:?}"))
    });
}

fn judge(given: &Variables, read: impl Fn(&Variables) -> Result<String, Vec<Fault>>) {
    let faults = match read(given) {
        Ok(shown) => return no_secret_is_shown(given, &shown),
        Err(faults) => faults,
    };
    assert!(!faults.is_empty(), "refused without a reason");
    let mut mended = given.clone();
    for fault in &faults {
        assert!(!fault.reason.is_empty(), "{} says nothing", fault.variable);
        mended.remove(&fault.variable);
        if let Some((name, value)) = RIGHT.iter().find(|(name, _)| *name == fault.variable) {
            mended.insert((*name).to_owned(), (*value).to_owned());
        }
    }
    let left = read(&mended).err();
    assert!(left.is_none(), "told {faults:?} first, and then {left:?}");
    no_value_is_shown(given, &faults, read);
}

/// A fault is worded the same whatever the value was. A value may stand in a sentence by chance, so
/// another one in its place decides.
fn no_value_is_shown(
    given: &Variables,
    faults: &[Fault],
    read: impl Fn(&Variables) -> Result<String, Vec<Fault>>,
) {
    let tells = |faults: &[Fault], value: &str| {
        value.len() >= TELLING_BYTES && faults.iter().any(|fault| fault.reason.contains(value))
    };
    for (name, value) in given {
        for part in value.split(',').filter(|part| tells(faults, part)) {
            let other = turned(part);
            let mut changed = given.clone();
            changed.insert(name.clone(), value.replace(part, &other));
            let told = read(&changed).err().unwrap_or_default();
            assert!(!tells(&told, &other), "{name} is shown: {faults:?}");
        }
    }
}

/// Another text of the same form.
fn turned(text: &str) -> String {
    let next = |c: char, first: char, count: u32| {
        char::from_u32(u32::from(first) + (u32::from(c) - u32::from(first) + 1) % count)
    };
    text.chars()
        .map(|c| match c {
            'a'..='z' => next(c, 'a', 26).unwrap_or(c),
            'A'..='Z' => next(c, 'A', 26).unwrap_or(c),
            '0'..='9' => next(c, '0', 10).unwrap_or(c),
            other => other,
        })
        .collect()
}

fn no_secret_is_shown(given: &Variables, shown: &str) {
    let secrets = [
        "DATABASE_URL",
        "REDIS_URLS",
        "DATA_KEY",
        "WHATSAPP_ACCESS_TOKEN",
        "WHATSAPP_APP_SECRET",
        "WHATSAPP_VERIFY_TOKEN",
        "MIDTRANS_SERVER_KEY",
        "BACKUP_IDENTITY",
        "AWS_SECRET_ACCESS_KEY",
    ];
    for name in secrets {
        let Some(value) = given.get(name) else {
            continue;
        };
        // The same text as an open value of another variable is no secret.
        let is_open = given
            .iter()
            .any(|(other, open)| !secrets.contains(&other.as_str()) && open.contains(value));
        let says_much =
            value.len() >= 2 * TELLING_BYTES && value.contains(|c: char| !c.is_ascii_lowercase());
        assert!(
            is_open || !says_much || !shown.contains(value),
            "{name} is shown"
        );
    }
}
