//! Stories of the WhatsApp sandbox.
