//! One turn: the waiting messages of one customer, their effects, and one reply, in one commit.
//!
//! Invariant 2. A turn that only looks at things needs no transaction: its single finishing
//! statement is one. A turn that changes something opens a transaction at its first effect.

use std::time::Instant;

use anyhow::{Result, anyhow};
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, Postgres, Transaction};
use warung_coordination::Lock;
use warung_domain::{conversation::Command, order::OrderState};
use warung_whatsapp::{
    message::Recipient,
    reply::{Choice, Reply},
};

use crate::{
    app::App,
    messages::Args,
    outbox::{self, Body, NewParcel, Parcel, Priority},
    store::{conversations::Conversation, customers::Customer, stock},
};

/// What a flow works with.
pub struct Turn<'a> {
    /// The bot.
    pub app: &'a App,
    /// The time of this turn.
    pub now: DateTime<Utc>,
    /// Who is talking.
    pub customer: Customer,
    /// Where the conversation stands; saved when the turn ends.
    pub conversation: Conversation,
    /// The wamid of the message at hand: the charge id of limits, the source of effects.
    pub message_key: String,
    /// Whether the message at hand is a tap on a button or a row, not something typed.
    pub tapped: bool,
    /// When the message at hand came in.
    pub received_at: DateTime<Utc>,
    /// Where replies go.
    pub recipient: Recipient,
    /// Held by turns that spend money.
    pub purchase_lock: Option<PurchaseLock>,
    /// The charge id of a purchase that did not happen after all: once the turn is committed, it
    /// no longer counts against the customer's limit.
    pub refund_charge: Option<String>,
    /// Messages beside the reply: to staff, or further ones to this customer.
    pub notices: Vec<NewParcel>,
    /// What the commit takes from the stock, as its last act.
    pub taking: Option<stock::Taking>,
    /// The states of orders that the commit brings about, for the metric.
    pub ordered: Vec<OrderState>,
    /// Whether the commit leaves a payment due: its answer comes from there, without waiting.
    pub payments_due: bool,
    tx: Option<Transaction<'static, Postgres>>,
    trace: Option<String>,
}

/// The lock of a purchase and its fence token.
pub struct PurchaseLock {
    /// The Redlock, or none where Redis is away and Postgres' advisory lock must do.
    pub lock: Option<Lock>,
    /// Drawn after the quorum; the transaction checks it against the fence.
    pub token: i64,
}

/// What a flow answers.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What the customer sees.
    pub reply: Reply,
    /// Whether something happened that must be told; a mere view gives way to the next answer of
    /// the same turn.
    pub outcome: bool,
    /// Whether the reply holds a secret and must be sealed.
    pub secret: bool,
    /// A text that becomes the QR code in the reply's header.
    pub qr: Option<String>,
    /// What a reply that quotes it is about.
    pub about: Option<Command>,
    /// Its rank in the outbox.
    pub priority: Priority,
    /// Sent once however often, where given.
    pub dedupe_key: Option<String>,
}

impl Answer {
    /// Something to look at.
    pub fn view(reply: Reply) -> Self {
        Self {
            reply,
            outcome: false,
            secret: false,
            qr: None,
            about: None,
            priority: Priority::Chat,
            dedupe_key: None,
        }
    }

    /// Something that happened.
    pub fn outcome(reply: Reply) -> Self {
        Self {
            outcome: true,
            ..Self::view(reply)
        }
    }

    /// The answer of a turn whose messages had `self`, then `next`: views give way, outcomes are
    /// all told, in order.
    #[must_use]
    pub fn merged_with(self, mut next: Self) -> Self {
        if !self.outcome {
            return next;
        }
        next.reply.body = format!("{}\n\n{}", self.reply.body, next.reply.body);
        next.outcome = true;
        next.secret |= self.secret;
        next.qr = next.qr.or(self.qr);
        next.priority = self.priority.min(next.priority);
        next.dedupe_key = next.dedupe_key.or(self.dedupe_key);
        if next.reply.choices.is_empty() {
            next.reply.choices = self.reply.choices;
        }
        next
    }
}

/// What is needed to begin a turn.
pub struct Opening<'a> {
    /// The bot.
    pub app: &'a App,
    /// The time.
    pub now: DateTime<Utc>,
    /// Who is talking.
    pub customer: Customer,
    /// Where the conversation stands.
    pub conversation: Conversation,
    /// Where replies go.
    pub recipient: Recipient,
    /// W3C trace context of the first message.
    pub trace: Option<String>,
}

/// How a turn is closed: under which lease, which messages, with which answer.
pub struct Closing {
    /// The epoch of the claim.
    pub epoch: i64,
    /// The finished inbox rows, the answered one last.
    pub items: Vec<i64>,
    /// When the answered message came in.
    pub received_at: DateTime<Utc>,
    /// The reply, if there is one.
    pub answer: Option<Answer>,
}

/// The lease is another bot's by now: nothing of this turn was committed.
#[derive(Debug, thiserror::Error)]
#[error("the conversation was taken over by another bot")]
pub struct LeaseLost;

/// Another buyer was faster between the look at the stock and the taking: nothing of this turn was
/// committed, and its messages must be worked on anew.
#[derive(Debug, thiserror::Error)]
#[error("another buyer was faster")]
pub struct SoldOut;

/// What a committed turn leaves to do.
#[derive(Debug)]
pub struct Closed {
    /// The reply, if this bot has claimed it with the commit and must send it now.
    pub claimed: Option<Parcel>,
    /// Whether more messages of this customer wait already.
    pub more: bool,
}

impl<'a> Turn<'a> {
    /// Begins a turn; nothing is locked yet.
    pub fn begin(opening: Opening<'a>) -> Self {
        Self {
            app: opening.app,
            now: opening.now,
            customer: opening.customer,
            conversation: opening.conversation,
            message_key: String::new(),
            tapped: false,
            received_at: opening.now,
            recipient: opening.recipient,
            purchase_lock: None,
            refund_charge: None,
            notices: Vec::new(),
            taking: None,
            ordered: Vec::new(),
            payments_due: false,
            tx: None,
            trace: opening.trace,
        }
    }

    /// The turn's transaction, begun at its first use.
    pub async fn tx(&mut self) -> Result<&mut PgConnection> {
        if self.tx.is_none() {
            self.tx = Some(self.app.at_hand.begin().await?);
        }
        self.tx
            .as_deref_mut()
            .ok_or_else(|| anyhow!("the transaction was just begun"))
    }

    /// Takes back everything that this turn's transaction did.
    ///
    /// # Errors
    /// The database's.
    pub async fn roll_back(&mut self) -> Result<()> {
        self.ordered.clear();
        if let Some(tx) = self.tx.take() {
            tx.rollback().await?;
        }
        Ok(())
    }

    /// Whether staff commands are open to the customer.
    pub fn is_staff(&self) -> bool {
        self.customer.role.is_staff() || self.customer.is_listed(&self.app.config.staff)
    }

    /// A text in the customer's language.
    pub fn say(&self, key: &'static str, args: &Args<'_>) -> String {
        self.app.texts.get(self.customer.spoken(), key, args)
    }

    /// An option that, tapped or picked by number, is `command`.
    pub fn choice(&self, command: &Command, title: impl Into<String>) -> Choice {
        Choice::new(self.app.vault.sign(&command.encode()), title)
    }

    /// A message beside the reply, to this customer or to another; `about` is what an answer that
    /// quotes it means.
    pub fn notify(
        &mut self,
        customer_id: i64,
        recipient: Recipient,
        reply: Reply,
        dedupe_key: String,
        about: Option<Command>,
    ) {
        let body = Body {
            recipient,
            reply,
            qr: None,
            about,
        };
        self.notices.push(NewParcel {
            customer_id,
            priority: Priority::Chat,
            payload: serde_json::to_value(body).ok(),
            sealed: None,
            dedupe_key: Some(dedupe_key),
            inbox_id: None,
            trace: self.trace.clone(),
        });
    }

    /// Ends the turn: fence, conversation, outbox and inbox in one commit. With `claim_send` the
    /// reply is born claimed by this bot, if no earlier one of this customer is on its way.
    ///
    /// # Errors
    /// [`LeaseLost`], [`SoldOut`] (downcast them), or the database's.
    pub async fn close(mut self, closing: Closing, claim_send: bool) -> Result<Closed> {
        let parcel = self.parcel(&closing)?;
        if !self.notices.is_empty() {
            self.tx().await?;
        }
        let Some(mut tx) = self.tx.take() else {
            let mut connection = self.app.at_hand.lend().await?;
            let closed = self
                .finish(&mut connection, &closing, parcel, claim_send)
                .await?;
            connection.done();
            return Ok(closed);
        };
        let closed = self.finish(&mut tx, &closing, parcel, claim_send).await?;
        for notice in &self.notices {
            outbox::push(&mut tx, notice, self.now).await?;
        }
        if let Some(taking) = &self.taking
            && !stock::take(&mut tx, taking).await?.is_empty()
        {
            tx.rollback().await?;
            return Err(SoldOut.into());
        }
        crash_point!("turn.before_commit");
        tx.commit().await?;
        Ok(closed)
    }

    /// The body of the reply, sealed if it holds a secret.
    fn parcel(&self, closing: &Closing) -> Result<Option<Reserved>> {
        let Some(answer) = &closing.answer else {
            return Ok(None);
        };
        let body = Body {
            recipient: self.recipient.clone(),
            reply: answer.reply.clone(),
            qr: answer.qr.clone(),
            about: answer.about.clone(),
        };
        let payload = serde_json::to_value(body)?;
        let sealed = answer.secret.then(|| {
            self.app
                .vault
                .seal(outbox::SEAL_PURPOSE, payload.to_string().as_bytes())
        });
        Ok(Some(Reserved {
            priority: answer.priority,
            payload: sealed.is_none().then_some(payload),
            sealed,
            dedupe_key: answer.dedupe_key.clone(),
        }))
    }

    async fn finish(
        &self,
        connection: &mut PgConnection,
        closing: &Closing,
        parcel: Option<Reserved>,
        claim_send: bool,
    ) -> Result<Closed> {
        let has_reply = parcel.is_some();
        let parcel = parcel.unwrap_or_default();
        let row = sqlx::query!(
            r#"
            WITH fence AS (
                UPDATE conversation SET state = $4, lease_owner = NULL
                WHERE customer_id = $1 AND lease_owner = $2 AND lease_epoch = $3
                RETURNING customer_id
            ), done AS (
                UPDATE inbox SET state = 'done', done_at = $6, error = NULL
                WHERE customer_id = $1 AND id = ANY($5) AND state = 'pending'
                  AND EXISTS (SELECT FROM fence) RETURNING id
            ), reply AS (
                INSERT INTO outbox (customer_id, priority, payload, sealed, dedupe_key, inbox_id,
                                    trace, created_at, run_at, state, owner, attempts)
                SELECT fence.customer_id, $8, $9, $10, $11, $12, $13, $6, $6,
                       CASE WHEN born.claimed THEN 'sending' ELSE 'pending' END,
                       CASE WHEN born.claimed THEN $2::uuid END,
                       born.claimed::int
                FROM fence CROSS JOIN LATERAL (
                    SELECT $14 AND NOT EXISTS (
                        SELECT 1 FROM outbox earlier
                        WHERE earlier.customer_id = fence.customer_id
                          AND earlier.state IN ('pending', 'sending')) AS claimed) born
                WHERE $7
                ON CONFLICT (dedupe_key) DO NOTHING
                RETURNING id, state
            )
            SELECT (SELECT count(*) FROM done) = cardinality($5) AS "held!",
                   (SELECT id FROM reply WHERE state = 'sending') AS claimed,
                   EXISTS (SELECT 1 FROM inbox
                           WHERE customer_id = $1 AND state = 'pending' AND id <> ALL($5))
                       AS "more!"
            "#,
            self.customer.id,
            self.app.bot_id,
            closing.epoch,
            serde_json::to_value(&self.conversation)?,
            &closing.items,
            self.now,
            has_reply,
            parcel.priority as i16,
            parcel.payload,
            parcel.sealed.as_deref(),
            parcel.dedupe_key,
            closing.items.last().copied(),
            self.trace,
            claim_send,
        )
        .fetch_one(connection)
        .await?;
        if !row.held {
            return Err(LeaseLost.into());
        }
        let claimed = row.claimed.map(|id| Parcel {
            id,
            customer_id: self.customer.id,
            payload: parcel.payload,
            sealed: parcel.sealed,
            attempts: 1,
            trace: self.trace.clone(),
            received_at: Some(closing.received_at),
            claimed_at: Instant::now(),
        });
        Ok(Closed {
            claimed,
            more: row.more,
        })
    }
}

/// The reply's body on its way into the outbox.
#[derive(Default)]
struct Reserved {
    priority: Priority,
    payload: Option<serde_json::Value>,
    sealed: Option<Vec<u8>>,
    dedupe_key: Option<String>,
}
