//! A customer, as a test plays them.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::courier::{self, Item};
use super::envelope;
use super::received::{Bubble, Choice, Received};
use super::shared::{Event, Shared};
use super::world::{Phone, WINDOW};

/// A customer with a phone. Cloning gives another hand on the same phone.
#[derive(Clone, Debug)]
pub struct Customer {
    shared: Arc<Shared>,
    wa_id: String,
}

/// Why a customer could not do what the story says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Surprise {
    /// No reply came.
    #[error("no reply came within {0:?}")]
    Silence(Duration),
    /// A reply came though none was expected.
    #[error("a reply came though none was expected: {0:?}")]
    Reply(String),
    /// The message has no such option.
    #[error("there is no {wanted:?} to tap; there was {offered:?}")]
    NoSuchOption {
        /// What the customer looked for.
        wanted: String,
        /// What the message offered.
        offered: Vec<String>,
    },
    /// The conversation has no such message.
    #[error("there is no message {0:?} in the conversation")]
    NoSuchMessage(String),
    /// The sandbox has no such customer, or the number is taken.
    #[error("there is no customer {0}, or the number is taken")]
    NoSuchCustomer(String),
}

impl Customer {
    pub(super) fn new(shared: Arc<Shared>, wa_id: &str) -> Self {
        Self {
            shared,
            wa_id: wa_id.to_owned(),
        }
    }

    /// The customer's number.
    pub fn wa_id(&self) -> &str {
        &self.wa_id
    }

    /// The customer's business-scoped user id.
    pub fn bsuid(&self) -> Option<String> {
        self.on_phone(|phone| phone.profile.bsuid.clone()).flatten()
    }

    /// Writes a text. Returns its wamid as soon as the webhook is queued.
    pub async fn says(&self, text: &str) -> String {
        self.sends(json!({"type": "text", "text": {"body": text}}))
            .await
    }

    /// Writes a text in answer to an earlier message.
    pub async fn replies_to(&self, wamid: &str, text: &str) -> String {
        let content = json!({"type": "text", "text": {"body": text}});
        self.writes(&content, Some(self.quote(wamid))).await
    }

    /// Sends any content: an object with `type` and that type's payload, such as
    /// `{"type":"location","location":{…}}`. Returns its wamid.
    pub async fn sends(&self, content: Value) -> String {
        self.writes(&content, None).await
    }

    /// Makes a whole `messages[]` element without sending it, for [`super::Sandbox::deliver`].
    pub fn composes(&self, content: &Value) -> Value {
        let now = self.shared.clock.now();
        let mut world = self.shared.world();
        let wamid = world.ids.wamid(&self.wa_id);
        let phone = world.customer(&self.wa_id, "");
        let message = Arc::new(envelope::message(
            &phone.profile,
            &wamid,
            now,
            content,
            None,
        ));
        world.write(&self.wa_id, &message, now);
        (*message).clone()
    }

    /// Sends the very same message once more, as Meta does when it doubts its delivery.
    pub async fn sends_again(&self, wamid: &str) -> Result<(), Surprise> {
        let item = {
            let world = self.shared.world();
            let (phone, message) = world
                .written(wamid)
                .ok_or_else(|| Surprise::NoSuchMessage(wamid.to_owned()))?;
            item(phone, wamid, message)
        };
        courier::queue_message(&self.shared, item).await;
        Ok(())
    }

    /// Taps a button or picks a row of the last message, by its title or id. Returns the wamid.
    pub async fn taps(&self, option: &str) -> Result<String, Surprise> {
        let last = self
            .on_phone(|phone| phone.received().next_back().cloned())
            .flatten();
        let last = last.ok_or_else(|| no_option(option, &[]))?;
        self.chooses(&last, option, |_| true).await
    }

    /// Taps an option of an earlier message.
    pub async fn taps_in(&self, wamid: &str, option: &str) -> Result<String, Surprise> {
        let received = self.message(wamid)?;
        self.chooses(&received, option, |_| true).await
    }

    /// Picks a row of the last message's list, by its title or id. Returns the wamid.
    pub async fn picks_row(&self, row: &str) -> Result<String, Surprise> {
        let last = self
            .on_phone(|phone| phone.received().next_back().cloned())
            .flatten();
        let last = last.ok_or_else(|| no_option(row, &[]))?;
        self.chooses(&last, row, |choice| choice.is_row).await
    }

    /// What the shop has sent to this phone, as far as it is kept.
    pub fn inbox(&self) -> Vec<Received> {
        self.on_phone(|phone| phone.received().cloned().collect())
            .unwrap_or_default()
    }

    /// How many messages the shop has sent to this phone, also those that are no longer kept.
    pub fn received(&self) -> u64 {
        self.on_phone(|phone| phone.received).unwrap_or_default()
    }

    /// The conversation, both sides.
    pub fn thread(&self) -> Vec<Bubble> {
        self.on_phone(|phone| phone.thread.iter().cloned().collect())
            .unwrap_or_default()
    }

    /// The next message after the last one this returned, waiting at most `patience` for it.
    pub async fn next_reply(&self, patience: Duration) -> Result<Received, Surprise> {
        let waiting = async {
            loop {
                let arrived = {
                    let mut world = self.shared.world();
                    let phone = world.customer(&self.wa_id, "");
                    if let Some(received) = advance(phone) {
                        return received;
                    }
                    Arc::clone(&phone.arrived).notified_owned()
                };
                arrived.await;
            }
        };
        tokio::time::timeout(patience, waiting)
            .await
            .map_err(|_| Surprise::Silence(patience))
    }

    /// Waits `span` and fails if a message comes that [`Self::next_reply`] has not returned yet.
    pub async fn expects_silence(&self, span: Duration) -> Result<(), Surprise> {
        match self.next_reply(span).await {
            Ok(received) => Err(Surprise::Reply(received.text().to_owned())),
            Err(_) => Ok(()),
        }
    }

    /// Looks at the phone: everything unread is read, and reported so.
    pub fn reads(&self) {
        let unread: Vec<_> = {
            let mut world = self.shared.world();
            let Some(phone) = world.phone_mut(&self.wa_id) else {
                return;
            };
            let wa_id = &phone.profile.wa_id;
            phone
                .thread
                .iter_mut()
                .filter_map(|bubble| read(bubble, wa_id))
                .collect()
        };
        for message in &unread {
            self.shared.report(message, "read", None);
        }
        if !unread.is_empty() {
            self.shared.tell(|| Event::Seen {
                customer: self.wa_id.clone(),
            });
        }
    }

    /// Sets when the customer last wrote, which opens or closes the 24 h window.
    pub fn last_wrote(&self, ago: TimeDelta) {
        let wrote = self.shared.clock.now() - ago;
        self.shared.world().customer(&self.wa_id, "").last_wrote = Some(wrote);
        self.shared.tell(|| Event::State);
    }

    /// Closes the 24 h window.
    pub fn window_closes(&self) {
        self.last_wrote(WINDOW + TimeDelta::minutes(1));
    }

    /// Takes another phone number; Meta announces it in a system message from the old one. This
    /// handle goes on with the new number.
    pub async fn changes_number(&mut self, new: &str) -> Result<(), Surprise> {
        let old = self.wa_id.clone();
        let name = self
            .on_phone(|phone| phone.profile.name.clone())
            .unwrap_or_default();
        let content = json!({"type": "system", "system": {
            "body": format!("User {name} changed from {old} to {new}"),
            "wa_id": new,
            "type": "user_changed_number",
        }});
        let Some(item) = self.system_item(&content) else {
            return Err(Surprise::NoSuchCustomer(old));
        };
        if !self.shared.world().change_number(&old, new) {
            return Err(Surprise::NoSuchCustomer(new.to_owned()));
        }
        new.clone_into(&mut self.wa_id);
        self.shared.tell(|| Event::State);
        courier::queue_message(&self.shared, item).await;
        Ok(())
    }

    /// Gets a new business-scoped user id; Meta announces it in a system message. Returns it.
    pub async fn changes_user_id(&self) -> Result<String, Surprise> {
        let changed = self.shared.world().change_bsuid(&self.wa_id);
        let missing = || Surprise::NoSuchCustomer(self.wa_id.clone());
        let (old, new) = changed.ok_or_else(missing)?;
        let content = json!({"type": "system", "system": {
            "body": "User changed their user id",
            "user_id": new,
            "previous_user_id": old,
            "type": "user_changed_user_id",
        }});
        let item = self.system_item(&content).ok_or_else(missing)?;
        self.shared.tell(|| Event::State);
        courier::queue_message(&self.shared, item).await;
        Ok(new)
    }

    async fn writes(&self, content: &Value, quoted: Option<Value>) -> String {
        let now = self.shared.clock.now();
        let (item, bubble) = {
            let mut world = self.shared.world();
            let wamid = world.ids.wamid(&self.wa_id);
            let phone = world.customer(&self.wa_id, "");
            let message = envelope::message(&phone.profile, &wamid, now, content, quoted);
            let message = Arc::new(message);
            world.write(&self.wa_id, &message, now);
            let phone = world.customer(&self.wa_id, "");
            (
                item(phone, &wamid, message),
                phone.thread.back().map(Bubble::to_json),
            )
        };
        let wamid = item.wamid.clone();
        if let Some(bubble) = bubble {
            self.shared.tell(|| Event::Bubble {
                customer: self.wa_id.clone(),
                bubble,
            });
        }
        courier::queue_message(&self.shared, item).await;
        wamid
    }

    async fn chooses(
        &self,
        received: &Received,
        wanted: &str,
        fits: impl Fn(&Choice) -> bool,
    ) -> Result<String, Surprise> {
        let options: Vec<Choice> = received.options().into_iter().filter(fits).collect();
        let choice = options
            .iter()
            .find(|choice| choice.id == wanted || choice.title == wanted);
        let choice = choice.ok_or_else(|| no_option(wanted, &options))?;
        let kind = if choice.is_row {
            "list_reply"
        } else {
            "button_reply"
        };
        let mut reply = json!({"id": choice.id, "title": choice.title});
        if let Some(description) = &choice.description {
            reply["description"] = json!(description);
        }
        let content = json!({"type": "interactive", "interactive": {"type": kind, kind: reply}});
        Ok(self
            .writes(&content, Some(self.quote(&received.wamid)))
            .await)
    }

    fn quote(&self, wamid: &str) -> Value {
        json!({"from": self.shared.config.display_phone_number, "id": wamid})
    }

    fn message(&self, wamid: &str) -> Result<Received, Surprise> {
        self.on_phone(|phone| {
            phone
                .received()
                .find(|received| received.wamid == wamid)
                .cloned()
        })
        .flatten()
        .ok_or_else(|| Surprise::NoSuchMessage(wamid.to_owned()))
    }

    /// A system message: from the customer as they were, without `contacts`.
    fn system_item(&self, content: &Value) -> Option<Item> {
        let now = self.shared.clock.now();
        let mut world = self.shared.world();
        let wamid = world.ids.wamid(&self.wa_id);
        let phone = world.phone(&self.wa_id)?;
        let message = envelope::message(&phone.profile, &wamid, now, content, None);
        Some(Item {
            contact: None,
            ..item(phone, &wamid, Arc::new(message))
        })
    }

    fn on_phone<T>(&self, look: impl FnOnce(&Phone) -> T) -> Option<T> {
        self.shared.world().phone(&self.wa_id).map(look)
    }
}

fn item(phone: &Phone, wamid: &str, message: Arc<Value>) -> Item {
    Item {
        wamid: wamid.to_owned(),
        customer: phone.profile.wa_id.clone(),
        is_status: false,
        contact: Some(envelope::contact(&phone.profile)),
        body: message,
        lane: phone.number * 2,
    }
}

fn advance(phone: &mut Phone) -> Option<Received> {
    while let Some(bubble) = phone.thread.get(phone.cursor) {
        phone.cursor += 1;
        if let Bubble::Received(received) = bubble {
            return Some(received.clone());
        }
    }
    None
}

fn no_option(wanted: &str, offered: &[Choice]) -> Surprise {
    let offered = offered.iter().map(Choice::to_string).collect();
    Surprise::NoSuchOption {
        wanted: wanted.to_owned(),
        offered,
    }
}

/// Marks a received bubble as read and gives what the status needs to know of it.
fn read(bubble: &mut Bubble, wa_id: &str) -> Option<super::world::OnItsWay> {
    let Bubble::Received(received) = bubble else {
        return None;
    };
    if std::mem::replace(&mut received.read, true) {
        return None;
    }
    Some(super::world::OnItsWay {
        customer: wa_id.to_owned(),
        input: wa_id.to_owned(),
        wamid: received.wamid.clone(),
        at: received.at,
        opaque: received.opaque.clone(),
        payload: Arc::clone(&received.payload),
        media: received.media.clone(),
    })
}
