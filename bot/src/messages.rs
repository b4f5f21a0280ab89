//! What the bot says: Fluent resources in `locales/`, overridable per shop from settings.
//!
//! A setting `text.<language>.<key>` replaces one text of one language. An override that is not
//! valid Fluent, or that fails when formatted, gives way to the built-in text.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use fluent::{FluentArgs, FluentResource, FluentValue};
use fluent_bundle::concurrent::FluentBundle;
use warung_domain::language::Language;

/// The resources of one language, a file a room.
macro_rules! resources {
    ($language:literal) => {
        [
            include_str!(concat!("../locales/", $language, "/talk.ftl")),
            include_str!(concat!("../locales/", $language, "/browse.ftl")),
            include_str!(concat!("../locales/", $language, "/checkout.ftl")),
            include_str!(concat!("../locales/", $language, "/money.ftl")),
            include_str!(concat!("../locales/", $language, "/staff.ftl")),
            include_str!(concat!("../locales/", $language, "/orders.ftl")),
        ]
    };
}

const INDONESIAN: [&str; 6] = resources!("id");
const ENGLISH: [&str; 6] = resources!("en");

/// Arguments of a text, by name.
pub type Args<'a> = [(&'static str, Cow<'a, str>)];

type Bundle = FluentBundle<FluentResource>;

/// All texts in all languages.
#[derive(Clone)]
pub struct Texts(Arc<Languages>);

struct Languages {
    indonesian: Bundle,
    english: Bundle,
    overrides: RwLock<HashMap<(Language, String), Arc<Bundle>>>,
}

/// A resource that Fluent cannot read.
#[derive(Debug, thiserror::Error)]
#[error("text {0} is not valid Fluent: {1}")]
pub struct BadText(String, String);

impl Texts {
    /// The built-in texts.
    ///
    /// # Errors
    /// If a resource is not valid Fluent (a test keeps this from happening).
    pub fn built_in() -> Result<Self, BadText> {
        Ok(Self(Arc::new(Languages {
            indonesian: bundle(Language::Id, &INDONESIAN)?,
            english: bundle(Language::En, &ENGLISH)?,
            overrides: RwLock::default(),
        })))
    }

    /// Replaces the shop's own texts: `(language, key, pattern)`. Those that are not valid are left
    /// out and returned.
    pub fn set_overrides(
        &self,
        texts: impl IntoIterator<Item = (Language, String, String)>,
    ) -> Vec<BadText> {
        let mut refused = Vec::new();
        let mut overrides = HashMap::new();
        for (language, key, pattern) in texts {
            // Continuation lines of a Fluent pattern are indented.
            let source = format!("{key} = {}\n", pattern.replace('\n', "\n    "));
            match bundle(language, &[&source]) {
                Ok(bundle) => drop(overrides.insert((language, key), Arc::new(bundle))),
                Err(error) => refused.push(error),
            }
        }
        *self
            .0
            .overrides
            .write()
            .unwrap_or_else(PoisonError::into_inner) = overrides;
        refused
    }

    /// The text `key` in `language`. An unknown key gives the key itself.
    pub fn get(&self, language: Language, key: &'static str, args: &Args<'_>) -> String {
        let mut values = FluentArgs::with_capacity(args.len());
        for (name, value) in args {
            values.set(*name, FluentValue::from(value.as_ref()));
        }
        let overridden = {
            let overrides = self
                .0
                .overrides
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            if overrides.is_empty() {
                None
            } else {
                overrides.get(&(language, key.to_owned())).cloned()
            }
        };
        overridden
            .and_then(|bundle| format(&bundle, key, &values))
            .or_else(|| format(self.0.built_in(language), key, &values))
            .unwrap_or_else(|| {
                tracing::error!(text.key = key, "a text is missing");
                key.to_owned()
            })
    }
}

impl Languages {
    fn built_in(&self, language: Language) -> &Bundle {
        match language {
            Language::Id => &self.indonesian,
            Language::En => &self.english,
        }
    }
}

fn bundle(language: Language, sources: &[&str]) -> Result<Bundle, BadText> {
    let locale = language.as_str();
    let fault = |reason: String| BadText(locale.to_owned(), reason);
    let tag = locale.parse().map_err(|error| fault(format!("{error}")))?;
    let mut bundle = Bundle::new_concurrent(vec![tag]);
    // The marks that isolate right-to-left text would show as boxes in some chats.
    bundle.set_use_isolating(false);
    for source in sources {
        let resource = FluentResource::try_new((*source).to_owned())
            .map_err(|(_, errors)| fault(format!("{errors:?}")))?;
        bundle
            .add_resource(resource)
            .map_err(|errors| fault(format!("{errors:?}")))?;
    }
    Ok(bundle)
}

fn format(bundle: &Bundle, key: &str, args: &FluentArgs<'_>) -> Option<String> {
    let pattern = bundle.get_message(key)?.value()?;
    let mut errors = Vec::new();
    let text = bundle.format_pattern(pattern, Some(args), &mut errors);
    errors.is_empty().then(|| text.into_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// Keys of a resource with the variables each uses.
    fn keys(sources: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
        let mut keys = BTreeMap::new();
        let mut current = String::new();
        for line in sources.iter().flat_map(|source| source.lines()) {
            if let Some((key, _)) = line.split_once('=')
                && !line.starts_with([' ', '#', '-'])
            {
                key.trim().clone_into(&mut current);
                keys.insert(current.clone(), BTreeSet::new());
            }
            for part in line.split('$').skip(1) {
                let name: String = part
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '-')
                    .collect();
                if let Some(variables) = keys.get_mut(&current) {
                    variables.insert(name);
                }
            }
        }
        keys
    }

    #[test]
    fn both_languages_have_the_same_texts_with_the_same_variables() {
        assert_eq!(keys(&INDONESIAN), keys(&ENGLISH));
        Texts::built_in().unwrap();
    }

    #[test]
    fn every_text_the_code_asks_for_exists_and_none_is_unused() {
        let known = keys(&INDONESIAN);
        let code = rust_sources(std::path::Path::new(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/src"
        )));
        for key in known.keys() {
            assert!(code.contains(&format!("\"{key}\"")), "nobody says {key}");
        }
        for part in code.split("say(").skip(1) {
            let said = part
                .trim_start()
                .strip_prefix('"')
                .and_then(|rest| rest.split('"').next());
            let is_key = |key: &&str| {
                let fits = |byte: u8| byte == b'-' || byte.is_ascii_lowercase();
                !key.is_empty() && key.bytes().all(fits)
            };
            if let Some(key) = said.filter(is_key) {
                assert!(known.contains_key(key), "{key} is said but not written");
            }
        }
    }

    fn rust_sources(directory: &std::path::Path) -> String {
        let mut text = String::new();
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                text.push_str(&rust_sources(&path));
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
        text
    }

    #[test]
    fn a_shop_may_say_it_its_own_way_and_a_broken_text_falls_back() {
        let texts = Texts::built_in().unwrap();
        let built_in = texts.get(Language::Id, "shop-closed", &[]);
        let refused = texts.set_overrides([
            (
                Language::Id,
                "shop-closed".to_owned(),
                "Libur dulu ya, Kak!".to_owned(),
            ),
            (
                Language::En,
                "shop-closed".to_owned(),
                "{ broken".to_owned(),
            ),
        ]);
        assert_eq!(refused.len(), 1);
        assert_eq!(
            texts.get(Language::Id, "shop-closed", &[]),
            "Libur dulu ya, Kak!"
        );
        texts.set_overrides([(
            Language::Id,
            "shop-closed".to_owned(),
            "{ $nothing }".to_owned(),
        )]);
        assert_eq!(texts.get(Language::Id, "shop-closed", &[]), built_in);
    }
}
