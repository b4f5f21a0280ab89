//! What the payment pages say, in Indonesian and English.

use chrono::{DateTime, Utc};
use http::{HeaderMap, header};
use serde::Deserialize;

use super::payment::{Status, wib};

/// The page's language, from `?lang=` or the browser's own wish; Indonesian otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Language {
    Id,
    En,
}

impl Language {
    pub(super) fn of(asked: Option<Self>, headers: &HeaderMap) -> Self {
        let wish = headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        asked.unwrap_or(if wish.starts_with("en") {
            Self::En
        } else {
            Self::Id
        })
    }

    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::En => "en",
        }
    }

    pub(super) fn words(self) -> &'static Words {
        match self {
            Self::Id => &ID,
            Self::En => &EN,
        }
    }

    /// A status as a payer reads it.
    pub(super) fn status(self, status: Status, was_paid: bool) -> &'static str {
        let (id, en) = match status {
            Status::Pending => ("Menunggu pembayaran", "Waiting for payment"),
            Status::Settlement => ("Lunas", "Paid"),
            Status::Deny if was_paid => ("Dibatalkan bank", "Reversed by the bank"),
            Status::Deny => ("Ditolak", "Refused"),
            Status::Expire => ("Kedaluwarsa", "Expired"),
            Status::Cancel => ("Dibatalkan toko", "Cancelled by the shop"),
            Status::Refund => ("Dikembalikan", "Refunded"),
            Status::PartialRefund => ("Dikembalikan sebagian", "Partly refunded"),
        };
        match self {
            Self::Id => id,
            Self::En => en,
        }
    }
}

/// The fixed texts of all pages.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) title: &'static str,
    pub(super) tagline: &'static str,
    pub(super) other_code: &'static str,
    pub(super) other_name: &'static str,
    pub(super) find: &'static str,
    pub(super) find_label: &'static str,
    pub(super) find_hint: &'static str,
    pub(super) not_found: &'static str,
    pub(super) waiting: &'static str,
    pub(super) nothing: &'static str,
    pub(super) done: &'static str,
    pub(super) choose_pages: &'static str,
    pub(super) choose: &'static str,
    pub(super) total: &'static str,
    pub(super) order: &'static str,
    pub(super) scan: &'static str,
    pub(super) qr_alt: &'static str,
    pub(super) qr_text: &'static str,
    pub(super) va_number: &'static str,
    pub(super) biller_code: &'static str,
    pub(super) bill_key: &'static str,
    pub(super) payment_code: &'static str,
    pub(super) open_app: &'static str,
    pub(super) copy: &'static str,
    pub(super) copied: &'static str,
    pub(super) until: &'static str,
    pub(super) pay: &'static str,
    pub(super) fail: &'static str,
    pub(super) expire: &'static str,
    pub(super) pay_late: &'static str,
    pub(super) reverse: &'static str,
    pub(super) resend: &'static str,
    pub(super) tools: &'static str,
    pub(super) notifications: &'static str,
    pub(super) no_answer: &'static str,
    pub(super) back: &'static str,
    pub(super) to_shop: &'static str,
    pub(super) closed: &'static str,
    pub(super) denied: &'static str,
    pub(super) refused: &'static str,
    pub(super) sandbox: &'static str,
}

const ID: Words = Words {
    title: "Pembayaran",
    tagline: "Sandbox Midtrans: bayar, gagalkan, atau biarkan kedaluwarsa",
    other_code: "en",
    other_name: "English",
    find: "Cari",
    find_label: "Nomor VA, kode bayar, atau isi QR",
    find_hint: "Seperti di aplikasi bank Anda",
    not_found: "Tidak ada tagihan dengan nomor itu.",
    waiting: "Menunggu pembayaran",
    nothing: "Belum ada tagihan. Belanjalah lewat WhatsApp, lalu kembali ke sini.",
    done: "Selesai",
    choose_pages: "Halaman Snap terbuka",
    choose: "Pilih cara bayar",
    total: "Total",
    order: "Pesanan",
    scan: "Pindai dengan aplikasi bank atau dompet apa pun",
    qr_alt: "Kode QR pembayaran",
    qr_text: "Isi QR",
    va_number: "Nomor virtual account",
    biller_code: "Kode perusahaan",
    bill_key: "Nomor tagihan",
    payment_code: "Kode pembayaran",
    open_app: "Pembayaran dilanjutkan di aplikasi",
    copy: "Salin",
    copied: "Tersalin",
    until: "Berlaku sampai",
    pay: "Bayar",
    fail: "Gagalkan",
    expire: "Kedaluwarsakan",
    pay_late: "Bayar terlambat",
    reverse: "Batalkan oleh bank",
    resend: "Kirim ulang notifikasi",
    tools: "Alat uji",
    notifications: "Notifikasi ke toko",
    no_answer: "tidak dijawab",
    back: "Semua tagihan",
    to_shop: "Kembali ke toko",
    closed: "Halaman ini sudah tidak berlaku. Mintalah tautan baru kepada toko.",
    denied: "Pembayaran ditolak. Silakan coba cara lain.",
    refused: "Tidak bisa: status tagihan sudah berubah.",
    sandbox: "Sandbox. Tidak ada uang sungguhan.",
};

const EN: Words = Words {
    title: "Payments",
    tagline: "Midtrans sandbox: pay, fail or let it expire",
    other_code: "id",
    other_name: "Bahasa Indonesia",
    find: "Find",
    find_label: "VA number, payment code or QR text",
    find_hint: "As in your bank's app",
    not_found: "No bill has that number.",
    waiting: "Waiting for payment",
    nothing: "No bills yet. Buy something on WhatsApp, then come back.",
    done: "Done",
    choose_pages: "Open Snap pages",
    choose: "Choose how to pay",
    total: "Total",
    order: "Order",
    scan: "Scan with any bank or wallet app",
    qr_alt: "Payment QR code",
    qr_text: "QR text",
    va_number: "Virtual account number",
    biller_code: "Company code",
    bill_key: "Bill key",
    payment_code: "Payment code",
    open_app: "The payment continues in the app of",
    copy: "Copy",
    copied: "Copied",
    until: "Valid until",
    pay: "Pay",
    fail: "Fail",
    expire: "Expire",
    pay_late: "Pay late",
    reverse: "Reverse by the bank",
    resend: "Resend the notification",
    tools: "Test tools",
    notifications: "Notifications to the shop",
    no_answer: "no answer",
    back: "All bills",
    to_shop: "Back to the shop",
    closed: "This page is no longer valid. Ask the shop for a new link.",
    denied: "The payment was refused. Please try another way.",
    refused: "Not possible: the bill's status has changed.",
    sandbox: "Sandbox. No real money.",
};

/// Rupiah as people write them: `Rp27.500`.
pub(super) fn rupiah(amount: i64) -> String {
    let digits = amount.unsigned_abs().to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push('.');
        }
        grouped.push(digit);
    }
    let sign = if amount < 0 { "-" } else { "" };
    format!("{sign}Rp{grouped}")
}

/// A time on a page, in western Indonesian time.
pub(super) fn time(time: DateTime<Utc>) -> String {
    format!("{} WIB", wib(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rupiah_have_dots_every_three_digits() {
        assert_eq!(rupiah(0), "Rp0");
        assert_eq!(rupiah(500), "Rp500");
        assert_eq!(rupiah(27_500), "Rp27.500");
        assert_eq!(rupiah(-1_250_000), "-Rp1.250.000");
    }
}
