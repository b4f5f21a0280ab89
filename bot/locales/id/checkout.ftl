# Cart, quote, address, ways to pay.
shop-closed = 🌙 Maaf Kak, toko sedang tutup, jadi pesanan belum bisa kami terima. Silakan lihat-lihat dulu, nanti kami buka lagi ya 🙏
and-others = … dan { $count } lainnya

button-cart = 🛒 Keranjang
button-checkout = ✅ Checkout
button-add-more = Tambah lagi
button-clear-cart = 🗑️ Kosongkan
button-decline = Batal
button-see-order = Lihat pesanan
button-cancel-order = Batalkan pesanan

cart-title = 🛒 *Keranjang Kakak*
cart-empty = Keranjang Kakak masih kosong 🛒 Yuk pilih-pilih dulu!
cart-sum = Subtotal: *{ $sum }*
cart-hint = Mau mengurangi? Ketik misalnya *kurang kopi 1* atau *hapus kopi*.
cart-line-ended = { $name } — sudah tidak dijual
cart-line-short = { $count } × { $name } — { $price } (stok tinggal { $left })
cart-added = ✅ { $count } × *{ $name }* masuk keranjang.
cart-added-more-than-left = ✅ *{ $name }* masuk keranjang, tapi stoknya tinggal { $left } ya, Kak.
cart-too-many-units = Maaf Kak, paling banyak 999 untuk satu produk.
cart-full = Maaf Kak, keranjang paling banyak berisi 50 macam produk. Checkout dulu yang ini ya.
cart-reduced = ✅ *{ $name }* sekarang { $left } di keranjang.
cart-removed = ✅ *{ $name }* dikeluarkan dari keranjang.
cart-not-inside = *{ $words }* tidak ada di keranjang, Kak.
cart-which = Yang mana mau dikeluarkan, Kak?
cart-cleared = Keranjang sudah dikosongkan, Kak.
catalog-left-out = ⚠️ Yang ini tidak bisa kami masukkan seluruhnya:

shortage = Maaf Kak, stoknya kurang 🙏
shortage-none = • { $name }: habis
shortage-some = • { $name }: tinggal { $left }, Kakak minta { $wanted }
shortage-buy = Beli { $left } saja
shortage-reduce = Jadikan { $left }
shortage-remove = Keluarkan

quote-title = 🧾 *Pesanan Kakak*
quote-line = { $count } × { $name } — { $price }
quote-shipping = Ongkir: { $fee }
quote-free-shipping = Ongkir: *gratis* 🎉
quote-total = *Total: { $total }*
quote-sent-to = 📍 Dikirim ke: { $address } (ketik *alamat* untuk mengubah)
quote-sent-in-chat = ⚡ Dikirim langsung lewat chat ini setelah dibayar.
quote-needs-address = 📍 Dikirim ke mana, Kak? Kami perlu alamat untuk mengirim barangnya. Balas dengan nama penerima, jalan dan nomor, kecamatan, kota, dan kode pos.
quote-until = Harga berlaku sampai { $time }. Mau bayar pakai apa, Kak?
quote-no-way = Maaf Kak, jumlah ini tidak bisa dibayar dengan metode yang ada. CS kami siap bantu.
quote-label-pay = Cara bayar
quote-other-ways = Cara bayar lain
quote-all-ways = 💳 *Total: { $total }* — pilih cara bayar, Kak:
quote-some-ended = ⚠️ Produk yang sudah tidak dijual kami lewati.
quote-renewed = 🔄 Penawaran tadi sudah kedaluwarsa, jadi ini kami hitung ulang dengan harga terbaru.
quote-renewed-partly = 🔄 Penawaran tadi sudah kedaluwarsa, dan sebagian produknya sudah tidak dijual. Ini hitungan terbarunya.
quote-too-large = Maaf Kak, nilai pesanan ini di luar batas pembayaran. CS kami siap bantu.
quote-unknown = Maaf Kak, penawaran itu tidak ketemu. Yuk mulai lagi.
quote-is-order = Penawaran ini sudah menjadi pesanan *{ $number }*, Kak.
quote-declined = Oke Kak, tidak jadi ya. Tidak ada yang dibayar 👍
quote-nothing-open = Oke Kak, tidak ada yang perlu dibatalkan 👍

address-now = 📍 Alamat Kakak: { $address } — Balas dengan alamat baru kalau mau mengubahnya.
address-none = 📍 Kakak belum menyimpan alamat. Balas dengan nama penerima, jalan dan nomor, kecamatan, kota, dan kode pos.
address-noted = ✅ Alamat sudah dicatat.
address-saved = ✅ Alamat disimpan: { $address }
address-too-short = Alamatnya terlalu singkat, Kak. Tulis nama penerima, jalan dan nomor, kecamatan, kota, dan kode pos ya.
address-incomplete = Sepertinya itu belum alamat lengkap, Kak. Tulis nama penerima, jalan dan nomor, kecamatan, kota, dan kode pos ya.
address-too-long = Alamatnya terlalu panjang, Kak. Paling banyak { $limit } huruf ya.

method-qris = QRIS
method-va-bca = VA BCA
method-va-bni = VA BNI
method-va-bri = VA BRI
method-va-permata = VA Permata
method-mandiri = Mandiri Bill
method-indomaret = Indomaret
method-snap = E-wallet & kartu
method-saldo = Saldo
ways-saldo-and = Saldo + { $method }
ways-rest = Sisa { $rest } lewat { $method }
