# Pesanan, pembelian, struk.

orders-menu = 🏠 Menu
orders-products = 🛍️ Lihat produk
orders-mine = 📦 Pesanan saya
orders-see = 🧾 Lihat pesanan
orders-track = 🚚 Lacak paket
orders-received = ✅ Sudah terima
orders-check = 🔄 Cek pembayaran
orders-cancel = ❌ Batalkan
orders-human = 💬 Tanya CS
orders-more = ➡️ Lainnya
orders-list-label = Pilih pesanan
orders-list = 📦 *Pesanan Kakak* (halaman { $page })
    Pilih salah satu untuk melihat rinciannya ya.
orders-none = Kakak belum punya pesanan. Yuk, lihat-lihat dulu! 😊

order-unknown = Pesanan *{ $number }* tidak ketemu, Kak. Coba cek lagi nomornya, atau pilih dari daftar pesanan ya.
order-state-awaiting = ⏳ Menunggu pembayaran
order-state-paid = ✅ Lunas, sedang disiapkan
order-state-fulfilling = 🚚 Dalam pengiriman
order-state-completed = ✅ Selesai
order-state-cancelled = ❌ Dibatalkan
order-state-expired = ⌛ Kedaluwarsa
order-state-refunding = ↩️ Dana sedang dikembalikan
order-state-refunded = ↩️ Dana sudah dikembalikan
order-state-disputed = ⚠️ Pembayaran sedang diperiksa
order-pays-by = Pembayaran: { $by }
order-pay-until = Bayar sebelum: *{ $until }*
order-pay-now = Bayar sekarang
order-pay-account = 🏦 VA { $bank }: ```{ $number }```
order-pay-bill = 🏦 Mandiri Bill: kode perusahaan ```{ $biller }```, kode bayar ```{ $key }```
order-pay-store = 🏪 Kode bayar di kasir: ```{ $code }```
order-checking = 🔎 Pembayarannya sedang kami cek, Kak. Kalau sudah masuk, struknya langsung terkirim ke sini.
order-parcel = 🚚 { $courier }, resi *{ $resi }*
order-shipped = 🚚 Pesanan *{ $number }* sudah dikirim, Kak!
    Kurir: *{ $courier }*
    Resi: *{ $resi }*
order-arrived-hint = Paketnya sudah sampai? Tekan tombol di bawah atau ketik *sudah terima* ya, Kak.
order-arrived-hint-days = Paketnya sudah sampai? Tekan tombol di bawah atau ketik *sudah terima* ya, Kak. Kalau tidak ada kabar, pesanan selesai otomatis { $days } hari setelah dikirim.
order-received = 🎉 Terima kasih kabarnya, Kak! Pesanan *{ $number }* sudah selesai. Ada yang kurang pas? Kabari kami ya.
order-goods = 🎁 Pesanan *{ $number }* sudah siap. Ini barang digitalnya ya, Kak:
order-expired = ⌛ Waktu bayar pesanan *{ $number }* sudah habis, jadi pesanannya kami tutup. Tidak ada yang ditagih, Kak.
order-cancelled = Pesanan *{ $number }* sudah dibatalkan, Kak. Tidak ada yang ditagih.
order-saldo-back = Saldo *{ $amount }* yang tadi disisihkan sudah kembali.
order-again = 🔁 Pesan lagi

track-title = Pesanan *{ $number }*
track-packing = 📦 Sedang kami siapkan. Nomor resinya kami kirim ke sini begitu paket berangkat ya, Kak.

received-which = Pesanan mana yang sudah sampai, Kak?

cancel-which = Pesanan mana yang mau dibatalkan, Kak?
cancel-nothing = Tidak ada pesanan yang menunggu pembayaran, Kak. Pesanan yang sudah lunas bisa dibicarakan dengan CS kami.
cancel-too-late = Pesanan *{ $number }* tidak bisa dibatalkan lagi ({ $state }).
cancel-asked = Pesanan *{ $number }* sedang dibatalkan. Sebentar ya, Kak, kami pastikan dulu ke penyedia pembayaran.

receipt-title = ✅ *Pembayaran diterima!* Terima kasih ya, Kak 🙏
receipt-number = No. { $number }
receipt-more-lines = • … dan { $count } produk lain
receipt-shipping = Ongkir: { $fee }
receipt-shipping-free = Ongkir: gratis
receipt-total = *Total: { $total }*
receipt-saldo = Saldo
receipt-paid-by = Dibayar: { $by }
receipt-address = 📍 { $address }
receipt-packing = 📦 Pesanan segera kami siapkan. Nomor resi menyusul di chat ini.
receipt-goods-later = ⏳ Barang digitalnya menyusul di chat ini sekitar pukul { $time }, setelah pembayarannya selesai diperiksa.

purchase-nothing-open = Belum ada pesanan yang perlu dikonfirmasi, Kak. Mau lihat-lihat dulu? 😊
purchase-too-many = Sabar sebentar ya, Kak 🙏 Paling banyak { $limit } pembelian berturut-turut. Coba lagi *{ $seconds } detik* lagi. Tidak ada yang ditagih.
purchase-not-charged = Tidak ada yang ditagih, Kak.
purchase-anew = 🔄 Pesanan yang tadi sudah ditutup, jadi ini penawaran barunya dengan harga terbaru.
purchase-too-little-saldo = Saldo Kakak belum cukup.
    Total: *{ $total }*
    Saldo: *{ $saldo }*
    Kurang: *{ $missing }*
purchase-saldo-and = Saldo + { $method }
purchase-top-up = ➕ Isi saldo
purchase-other-method = 💳 Cara bayar lain
purchase-amount = { $method } hanya bisa untuk { $least } sampai { $most }, Kak. Pilih cara bayar lain ya.
