//! The state of one sandbox: phones, their conversations, stored media and the book.
//!
//! Everything lives behind one mutex and dies with the sandbox. Of conversations and of the book the
//! newest are kept: a sandbox that goes on for days stays within its memory.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::book::{Accepted, Book};
use super::ids::{self, Ids};
use super::media::{Media, MediaStore};
use super::pacing::{Limit, Pacing};
use super::received::{Bubble, Received, Tick, Written};
use super::refusal::Refusal;
use super::rules::{Draft, MediaRef, Recipient};

/// The customer service window (Meta: 24 h after the customer's last message).
pub(super) const WINDOW: TimeDelta = TimeDelta::hours(24);

/// Bubbles of a conversation that [`Phone::to_json`] shows.
const BUBBLES_SHOWN: usize = 200;

/// Who a customer is, as the shop may see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The phone number, digits only. The sandbox knows a customer by it.
    pub wa_id: String,
    /// The profile name.
    pub name: String,
    /// The business-scoped user id, `ID.…`; absent in webhooks when `None`.
    #[serde(default)]
    pub bsuid: Option<String>,
    /// The username, if one was chosen.
    #[serde(default)]
    pub username: Option<String>,
    /// Whether `wa_id` and `from` are left out of webhooks (username adopters).
    #[serde(default)]
    pub hides_number: bool,
}

/// One customer's phone.
#[derive(Debug)]
pub(super) struct Phone {
    pub(super) profile: Profile,
    /// The webhook lanes of this customer are `2 * number` and `2 * number + 1`.
    pub(super) number: u64,
    /// The newest of the conversation.
    pub(super) thread: VecDeque<Bubble>,
    /// Messages from the shop so far, also those that are forgotten.
    pub(super) received: u64,
    /// How much of the thread `next_reply` has gone through.
    pub(super) cursor: usize,
    pub(super) last_wrote: Option<DateTime<Utc>>,
    /// Told whenever something arrives.
    pub(super) arrived: Arc<Notify>,
    generation: u32,
}

/// A message that Meta took, on its way to the phone.
#[derive(Clone, Debug)]
pub(super) struct OnItsWay {
    pub(super) customer: String,
    pub(super) input: String,
    pub(super) wamid: String,
    pub(super) at: DateTime<Utc>,
    pub(super) opaque: Option<String>,
    pub(super) payload: Arc<Value>,
    pub(super) media: Option<Arc<Media>>,
}

#[derive(Debug)]
pub(super) struct World {
    phone_number_id: String,
    /// In order of creation, which is the order of the columns on the page.
    pub(super) phones: Vec<Phone>,
    /// Bubbles of all conversations, and entries of each kind in the book, that are kept.
    kept: usize,
    /// Whose each kept bubble is, oldest first.
    owners: VecDeque<usize>,
    by_wa_id: HashMap<String, usize>,
    by_bsuid: HashMap<String, usize>,
    /// Whose message an inbound wamid is.
    authors: HashMap<String, usize>,
    pub(super) media: MediaStore,
    pub(super) pacing: Pacing,
    pub(super) book: Book,
    pub(super) ids: Ids,
}

impl Profile {
    /// A customer with the BSUID that Meta would give them towards this shop.
    pub fn new(wa_id: &str, name: &str, phone_number_id: &str) -> Self {
        let bsuid = Some(ids::bsuid(phone_number_id, wa_id, 0));
        let (wa_id, name) = (wa_id.to_owned(), name.to_owned());
        Self {
            wa_id,
            name,
            bsuid,
            username: None,
            hides_number: false,
        }
    }
}

impl Phone {
    pub(super) fn received(&self) -> impl DoubleEndedIterator<Item = &Received> {
        self.thread.iter().filter_map(|bubble| match bubble {
            Bubble::Received(received) => Some(received),
            Bubble::Written(_) => None,
        })
    }

    fn window_is_open(&self, now: DateTime<Utc>) -> bool {
        self.last_wrote.is_some_and(|wrote| now - wrote <= WINDOW)
    }

    /// The phone as the control API and the page see it, with the newest of its conversation.
    pub(super) fn to_json(&self, now: DateTime<Utc>) -> Value {
        let newest = self.thread.len().saturating_sub(BUBBLES_SHOWN);
        json!({
            "profile": self.profile,
            "window_open": self.window_is_open(now),
            "unread": self.received().filter(|received| !received.read).count(),
            "thread": self.thread.range(newest..).map(Bubble::to_json).collect::<Vec<_>>(),
        })
    }
}

impl World {
    pub(super) fn new(phone_number_id: &str, kept: usize, pacing: Pacing, ids: Ids) -> Self {
        Self {
            phone_number_id: phone_number_id.to_owned(),
            phones: Vec::new(),
            kept,
            owners: VecDeque::new(),
            by_wa_id: HashMap::new(),
            by_bsuid: HashMap::new(),
            authors: HashMap::new(),
            media: MediaStore::default(),
            pacing,
            book: Book::default(),
            ids,
        }
    }

    /// Forgets customers, conversations and the book. Ids and media go on.
    pub(super) fn reset(&mut self) {
        self.phones.clear();
        self.owners.clear();
        self.by_wa_id.clear();
        self.by_bsuid.clear();
        self.authors.clear();
        self.book = Book::default();
    }

    pub(super) fn phone(&self, wa_id: &str) -> Option<&Phone> {
        self.by_wa_id.get(wa_id).map(|&index| &self.phones[index])
    }

    pub(super) fn phone_mut(&mut self, wa_id: &str) -> Option<&mut Phone> {
        self.by_wa_id
            .get(wa_id)
            .map(|&index| &mut self.phones[index])
    }

    /// The customer of this number, created on first use.
    pub(super) fn customer(&mut self, wa_id: &str, name: &str) -> &mut Phone {
        if !self.by_wa_id.contains_key(wa_id) {
            let profile = Profile::new(wa_id, name, &self.phone_number_id);
            self.put_profile(profile);
        }
        let index = self.by_wa_id[wa_id];
        &mut self.phones[index]
    }

    /// Creates a customer or changes who they are.
    pub(super) fn put_profile(&mut self, profile: Profile) {
        let index = match self.by_wa_id.get(&profile.wa_id) {
            Some(&index) => index,
            None => self.phones.len(),
        };
        self.by_bsuid.retain(|_, owner| *owner != index);
        if let Some(bsuid) = &profile.bsuid {
            self.by_bsuid.insert(bsuid.clone(), index);
        }
        self.by_wa_id.insert(profile.wa_id.clone(), index);
        if let Some(phone) = self.phones.get_mut(index) {
            phone.profile = profile;
            return;
        }
        self.phones.push(Phone {
            profile,
            number: index as u64,
            thread: VecDeque::new(),
            received: 0,
            cursor: 0,
            last_wrote: None,
            arrived: Arc::new(Notify::new()),
            generation: 0,
        });
    }

    /// Gives the customer another number; they keep their conversation and their BSUID.
    pub(super) fn change_number(&mut self, old: &str, new: &str) -> bool {
        if self.by_wa_id.contains_key(new) {
            return false;
        }
        let Some(index) = self.by_wa_id.remove(old) else {
            return false;
        };
        self.by_wa_id.insert(new.to_owned(), index);
        new.clone_into(&mut self.phones[index].profile.wa_id);
        true
    }

    /// Gives the customer a new BSUID and returns the old one and the new one.
    pub(super) fn change_bsuid(&mut self, wa_id: &str) -> Option<(Option<String>, String)> {
        let shop = self.phone_number_id.clone();
        let phone = self.phone_mut(wa_id)?;
        phone.generation += 1;
        let new = ids::bsuid(&shop, wa_id, phone.generation);
        let mut profile = phone.profile.clone();
        let old = profile.bsuid.replace(new.clone());
        self.put_profile(profile);
        Some((old, new))
    }

    /// The `wa_id` of the recipient, if such a customer exists.
    pub(super) fn resolve(&self, recipient: &Recipient) -> Option<String> {
        let index = match recipient {
            Recipient::Phone(wa_id) => self.by_wa_id.get(wa_id),
            Recipient::Bsuid(bsuid) => self.by_bsuid.get(bsuid),
        };
        index.map(|&index| self.phones[index].profile.wa_id.clone())
    }

    /// Checks what the pure rules cannot know and takes the message. With `late` an unknown
    /// recipient and a closed window are not refused; the second value then holds the refusal that
    /// a `failed` status must report.
    pub(super) fn accept(
        &mut self,
        draft: Draft,
        payload: Value,
        now: DateTime<Utc>,
        late: bool,
    ) -> Result<(OnItsWay, Option<Refusal>), Refusal> {
        let customer = self.resolve(&draft.recipient);
        let media = match &draft.media {
            Some(MediaRef::Id { id, path }) => Some(self.media.get(id).ok_or_else(|| {
                Refusal::parameter(&format!(
                    "Param {path}['id'] is not a valid whatsapp business account media attachment \
                     ID"
                ))
            })?),
            Some(MediaRef::Link(_)) | None => None,
        };
        let failure = self.unreachable(customer.as_deref(), draft.is_template, now);
        let failure = match failure {
            Some(refusal) if !late => return Err(refusal),
            failure => failure,
        };
        let customer = customer.unwrap_or_else(|| draft.input.clone());
        self.pacing.take(&customer, now).map_err(|limit| match limit {
            Limit::Number => {
                Refusal::new(130_429, "Cloud API message throughput has been reached.")
            }
            Limit::Pair => Refusal::new(
                131_056,
                "Too many messages sent from the sender phone number to the same recipient phone \
                 number in a short period of time.",
            ),
        })?;
        let wamid = self.ids.wamid(&customer);
        let (input, opaque, payload) = (draft.input, draft.opaque, Arc::new(payload));
        let message = OnItsWay {
            customer,
            input,
            wamid,
            at: now,
            opaque,
            payload,
            media,
        };
        self.note(|book| &mut book.accepted, Accepted::of(&message));
        Ok((message, failure))
    }

    fn unreachable(
        &self,
        customer: Option<&str>,
        is_template: bool,
        now: DateTime<Utc>,
    ) -> Option<Refusal> {
        let Some(phone) = customer.and_then(|wa_id| self.phone(wa_id)) else {
            return Some(Refusal::new(
                131_026,
                "Message Undeliverable. The recipient phone number is not a WhatsApp phone number.",
            ));
        };
        let reachable = is_template || phone.window_is_open(now);
        (!reachable).then(|| {
            Refusal::new(
                131_047,
                "Message failed to send because more than 24 hours have passed since the customer \
                 last replied to this number.",
            )
        })
    }

    /// Puts a message on the phone. Returns the bubble, or `None` when the customer is gone.
    pub(super) fn arrive(&mut self, message: &OnItsWay, read: bool) -> Option<&Bubble> {
        let index = *self.by_wa_id.get(&message.customer)?;
        let bubble = Bubble::Received(Received {
            wamid: message.wamid.clone(),
            at: message.at,
            payload: Arc::clone(&message.payload),
            opaque: message.opaque.clone(),
            media: message.media.clone(),
            read,
        });
        self.append(index, bubble);
        let phone = &mut self.phones[index];
        phone.received += 1;
        phone.arrived.notify_waiters();
        phone.thread.back()
    }

    /// Puts a bubble under a conversation and forgets the oldest of all beyond what is kept.
    fn append(&mut self, index: usize, bubble: Bubble) {
        self.phones[index].thread.push_back(bubble);
        self.owners.push_back(index);
        if self.owners.len() <= self.kept {
            return;
        }
        let oldest = self.owners.pop_front().map(|owner| &mut self.phones[owner]);
        if let Some(phone) = oldest {
            phone.cursor = phone.cursor.saturating_sub(1);
            if let Some(Bubble::Written(written)) = phone.thread.pop_front() {
                self.authors.remove(&written.wamid);
            }
        }
    }

    /// Writes something on a page of the book, of which the oldest beyond what is kept is forgotten.
    pub(super) fn note<T>(&mut self, page: impl FnOnce(&mut Book) -> &mut VecDeque<T>, thing: T) {
        let page = page(&mut self.book);
        page.push_back(thing);
        if page.len() > self.kept {
            page.pop_front();
        }
    }

    /// Notes a message the customer wrote; it opens the window.
    pub(super) fn write(&mut self, customer: &str, message: &Arc<Value>, now: DateTime<Utc>) {
        let Some(&index) = self.by_wa_id.get(customer) else {
            return;
        };
        let wamid = message["id"].as_str().unwrap_or_default().to_owned();
        self.authors.insert(wamid.clone(), index);
        self.phones[index].last_wrote = Some(now);
        let message = Arc::clone(message);
        let bubble = Bubble::Written(Written {
            wamid,
            at: now,
            message,
            tick: Tick::Sent,
        });
        self.append(index, bubble);
    }

    /// The customer's message with this id.
    pub(super) fn written(&self, wamid: &str) -> Option<(&Phone, Arc<Value>)> {
        let phone = &self.phones[*self.authors.get(wamid)?];
        phone.thread.iter().rev().find_map(|bubble| match bubble {
            Bubble::Written(written) if written.wamid == wamid => {
                Some((phone, Arc::clone(&written.message)))
            }
            _ => None,
        })
    }

    /// Moves ticks forward, never back, and returns the customer and the ids that moved. With
    /// `and_earlier` the customer's earlier messages move too (Meta: read marks them as well).
    pub(super) fn tick(
        &mut self,
        wamid: &str,
        tick: Tick,
        and_earlier: bool,
    ) -> Option<(String, Vec<String>)> {
        let phone = &mut self.phones[*self.authors.get(wamid)?];
        let mut moved = Vec::new();
        let mut found = false;
        for bubble in phone.thread.iter_mut().rev() {
            let Bubble::Written(written) = bubble else {
                continue;
            };
            found |= written.wamid == wamid;
            if found && written.tick < tick {
                written.tick = tick;
                moved.push(written.wamid.clone());
            }
            if found && !and_earlier {
                break;
            }
        }
        Some((phone.profile.wa_id.clone(), moved))
    }
}
