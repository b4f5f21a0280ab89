//! Meta's WhatsApp Cloud API and the phones behind it.
