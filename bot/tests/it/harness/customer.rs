//! A customer, for whom everything that does not happen is a failed story.

use std::ops::{Deref, DerefMut};

use warung_sandbox::whatsapp::{self, Received};

use super::PATIENCE;

/// A customer of the WhatsApp sandbox.
pub(crate) struct Customer(whatsapp::Customer);

impl Deref for Customer {
    type Target = whatsapp::Customer;

    fn deref(&self) -> &whatsapp::Customer {
        &self.0
    }
}

impl DerefMut for Customer {
    fn deref_mut(&mut self) -> &mut whatsapp::Customer {
        &mut self.0
    }
}

/// What the shop said, with questions a story asks of it.
pub(crate) trait Says {
    /// Fails unless the message says each of these, whatever the case.
    fn says_all(&self, words: &[&str]) -> &Self;
    /// Fails if the message says this.
    fn never_says(&self, word: &str) -> &Self;
    /// The id of the first option whose id holds this; fails when there is none.
    fn option(&self, mark: &str) -> String;
}

impl Says for Received {
    fn says_all(&self, words: &[&str]) -> &Self {
        let text = self.text().to_lowercase();
        for word in words {
            assert!(
                text.contains(&word.to_lowercase()),
                "{word:?} is not in: {}",
                self.text()
            );
        }
        self
    }

    fn never_says(&self, word: &str) -> &Self {
        let text = self.text().to_lowercase();
        assert!(
            !text.contains(&word.to_lowercase()),
            "{word:?} is in: {}",
            self.text()
        );
        self
    }

    fn option(&self, mark: &str) -> String {
        let options = self.options();
        let found = options.iter().find(|option| option.id.contains(mark));
        found
            .unwrap_or_else(|| panic!("no {mark} among {options:?}"))
            .id
            .clone()
    }
}

impl Customer {
    pub(super) fn new(customer: whatsapp::Customer) -> Self {
        Self(customer)
    }

    /// The id of the first option of the last message whose id holds this.
    pub(crate) fn option(&self, mark: &str) -> String {
        self.0.inbox().pop().expect("a message").option(mark)
    }

    /// Says something and waits for the answer.
    pub(crate) async fn asks(&self, text: &str) -> Received {
        self.0.says(text).await;
        self.hears().await
    }

    /// Taps an option of the last message and waits for the answer.
    pub(crate) async fn chooses(&self, option: &str) -> Received {
        if let Err(surprise) = self.0.taps(option).await {
            panic!("{option:?} cannot be tapped: {surprise}");
        }
        self.hears().await
    }

    /// Waits for the next message of the shop.
    pub(crate) async fn hears(&self) -> Received {
        match self.0.next_reply(PATIENCE).await {
            Ok(received) => received,
            Err(surprise) => panic!("{} hears nothing: {surprise}", self.wa_id()),
        }
    }
}
