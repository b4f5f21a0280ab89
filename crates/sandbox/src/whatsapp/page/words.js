// The page's own words, in Indonesian and English.

export const WORDS = {
  id: {
    subtitle: "telepon percobaan", add: "Pelanggan", faults: "Gangguan", close: "Tutup",
    offline: "Sandbox tidak terhubung, mencoba lagi…",
    drawerTitle: "Laci gangguan",
    drawerHint: "Tekan + untuk mengganggu sekian kali berikutnya. Bot yang baik tetap tenang.",
    clockTitle: "Majukan jam", botsTitle: "Bot yang dilayani", clear: "Batalkan semua",
    reset: "Mulai dari awal", sure: "Yakin? Tekan lagi", waiting: "webhook menunggu",
    newcomer: "Pelanggan baru", name: "Nama", number: "Nomor WhatsApp",
    hides: "Sembunyikan nomor (pakai username)", cancel: "Batal", hello: "Silakan masuk",
    online: "online", typing: "mengetik…", write: "Tulis pesan", send: "Kirim",
    more: "Lainnya", place: "Kirim lokasi", again: "Kirim ulang pesan terakhir",
    closedWindow: "Sudah 24 jam sejak pesan terakhir: toko belum boleh menulis bebas.",
    open: "Warungnya buka!", greet: "Sapa dulu, yuk. Penjualnya sigap.",
    chips: ["halo", "produk", "saldo"], today: "Hari ini", phoneOf: "Telepon",
    dark: "Mode gelap atau terang", zoom: "Perbesar gambar", newer: "Ke pesan terbaru",
    sent: "terkirim", delivered: "sampai", read: "dibaca", picture: "Gambar", document: "Dokumen", location: "Lokasi",
    times: "kali", less: "Kurangi", moreOf: "Tambah", choose: "Pilih",
  },
  en: {
    subtitle: "test phone", add: "Customer", faults: "Trouble", close: "Close",
    offline: "The sandbox is away, trying again…",
    drawerTitle: "Drawer of trouble",
    drawerHint: "Press + to break that many of the next ones. A good bot stays calm.",
    clockTitle: "Move the clock", botsTitle: "Bots being served", clear: "Clear all",
    reset: "Start over", sure: "Sure? Press again", waiting: "webhooks waiting",
    newcomer: "New customer", name: "Name", number: "WhatsApp number",
    hides: "Hide the number (has a username)", cancel: "Cancel", hello: "Come in",
    online: "online", typing: "typing…", write: "Write a message", send: "Send",
    more: "More", place: "Send a location", again: "Send the last message again",
    closedWindow: "24 hours since the last message: the shop may not write freely.",
    open: "The shop is open!", greet: "Say hello first. The seller is quick.",
    chips: ["hello", "products", "balance"], today: "Today", phoneOf: "Phone of",
    dark: "Dark or light", zoom: "Enlarge picture", newer: "To the newest message",
    sent: "sent", delivered: "delivered", read: "read", picture: "Picture", document: "Document", location: "Location",
    times: "times", less: "Fewer", moreOf: "More of", choose: "Choose",
  },
};

// Each fault with its words: [fault, id, en].
export const FAULTS = [
  ["duplicate", "Kembar: pesan sampai dua kali", "Twins: a message comes twice"],
  ["reorder", "Menyalip: pesan berikutnya tiba dulu", "Overtaken: the next message comes first"],
  [{ delay_ms: 3000 }, "Macet: pesan telat 3 detik", "Traffic jam: a message is 3 s late"],
  ["drop", "Hilang: pesan tak pernah sampai", "Lost: a message never comes"],
  ["forge", "Palsu: tiruan bertanda tangan salah", "Forged: a copy with a wrong signature"],
  ["server_error", "500: Meta sedang pusing", "500: Meta has a headache"],
  ["rate_limit", "429: nomor terlalu cepat (130429)", "429: number too fast (130429)"],
  ["pair_limit", "429: pelanggan kewalahan (131056)", "429: customer flooded (131056)"],
  ["timeout_after", "Diam: terkirim, tapi tak dijawab", "Silence: sent, but no answer"],
  ["timeout_before", "Bengong: tak terkirim, tak dijawab", "Blank: not sent, no answer"],
];

// Who comes by when a new customer is asked for.
export const NAMES = ["Sari", "Budi", "Rani", "Joko", "Ayu", "Dewi", "Agus", "Putri", "Eko", "Wulan"];
