# Options that lead on from anywhere.
option-menu = 🏠 Menu
option-products = 🛍️ Lihat produk
option-cart = 🛒 Keranjang
option-clear-cart = 🗑️ Kosongkan
option-address = 📍 Alamat
option-checkout = ✅ Checkout
option-yes = ✅ Ya, lanjut
option-no = ❌ Tidak jadi
option-methods = 💳 Cara bayar
option-orders = 📦 Pesanan saya
option-check-payment = 🔄 Cek pembayaran
option-track = 🚚 Lacak paket
option-cancel = ❌ Batalkan
option-balance = 💰 Saldo
option-top-up = ➕ Isi saldo
option-statement = 📒 Mutasi saldo
option-language = 🌐 Bahasa
option-human = 🙋 Chat admin
option-close-human = 🤖 Kembali ke bot
option-received = ✅ Sudah terima
option-hand-back = ✅ Selesai, bot lagi
option-stop-marketing = 🔕 Stop promo
option-start-marketing = 🔔 Mau promo
option-staff = Menu staf

# What is wrong with a command.
problem-missing = Hampir pas, Kak 🙂 Masih ada yang kurang di belakang perintahnya.
problem-quantity = Jumlahnya belum kebaca, Kak. Tulis pakai angka bulat ya, 1 sampai 999.
problem-quantity-digits = Angkanya ditulis pakai 0–9 biasa ya, Kak: bilangan bulat 1 sampai 999.
problem-quantity-whole = Jumlahnya harus bilangan bulat ya, Kak, 1 sampai 999. Setengah atau pecahan belum bisa 🙏
problem-quantity-least = Jumlahnya minimal 1 ya, Kak (bilangan bulat, 1 sampai 999).
problem-quantity-most = Wah, banyak sekali! Sekali pesan paling banyak 999 per barang ya, Kak. Untuk partai besar, ketik *cs* supaya dibantu admin.
problem-two-quantities = Ada dua angka di situ, Kak, jadi kami takut salah. Tulis satu barang dan satu jumlah dulu ya; barang lain bisa menyusul.
problem-amount = Nominalnya belum kebaca, Kak. Tulis dalam rupiah, misalnya 50000, 50.000 atau 50rb.
problem-amount-whole = Nominalnya dalam rupiah bulat ya, Kak, tanpa koma atau sen.
problem-amount-least = Nominalnya harus lebih dari nol ya, Kak.
problem-amount-ambiguous = Nominalnya bisa dibaca dua macam, Kak, jadi kami tidak mau menebak. Tulis lengkap ya, misalnya 50.000.
problem-amount-most = Nominalnya terlalu besar, Kak. Coba yang lebih kecil ya.
problem-order-number = Nomor pesanannya belum cocok, Kak. Bentuknya seperti WRG-241126-7K3QX.
problem-sku = Kode barangnya belum cocok. Kode terdiri dari huruf, angka, dan tanda hubung.
problem-language = Bahasa itu belum kami kuasai, Kak 🙏 Untuk sekarang ada Indonesia dan Inggris.
problem-courier = Nama kurirnya belum kebaca. Tulis seperti JNE, J&T atau SICEPAT.
problem-resi = Nomor resinya belum cocok. Resi berisi huruf dan angka, 5 sampai 40 karakter, tanpa spasi.
problem-chat = Belum jelas chat siapa yang dimaksud. Tulis nomor pesanan atau nomor HP pelanggannya ya.
problem-stock = Jumlah stoknya belum kebaca. Tulis angka bulat, atau pakai + dan - untuk menambah dan mengurangi.

# How a command is written.
example-menu = Ketik *menu* untuk melihat semua pilihan.
example-products = Contoh: *produk* untuk semua barang, atau *produk kopi* untuk satu kategori.
example-search = Contoh: *cari kopi*
example-detail = Contoh: *detail kopi*
example-buy = Contoh: *beli kopi 2*
example-add = Contoh: *tambah kopi 2*
example-reduce = Contoh: *kurang kopi 1*
example-remove = Contoh: *hapus kopi*
example-cart = Ketik *keranjang* untuk melihat isi keranjang.
example-address = Contoh: *alamat Jl. Melati No. 5, Bandung 40115*
example-checkout = Ketik *checkout* untuk memesan isi keranjang.
example-orders = Ketik *pesanan* untuk melihat semua pesanan Kakak.
example-check-payment = Ketik *pesanan*, lalu pilih pesanan yang mau dicek.
example-track = Ketik *lacak* untuk paket terakhir, atau *lacak* diikuti nomor pesanan.
example-received = Ketik *sudah terima* kalau paketnya sudah sampai, atau *sudah terima* diikuti nomor pesanan.
example-cancel = Ketik *batal*, atau *batal* diikuti nomor pesanan.
example-top-up = Contoh: *topup 50rb*
example-language = Contoh: *bahasa id* atau *bahasa en*

# What is not understood.
unclear-stale = Pilihan itu sudah lama, Kak 🙏 Yuk, mulai lagi dari sini.
unclear-no-options = Belum ada pilihan bernomor di atas, Kak. Mau mulai dari sini?
unclear-one-option = Pilihannya cuma satu, Kak:
unclear-out-of-range = Nomor itu tidak ada di daftar, Kak. Pilih 1 sampai { $last } ya:
unclear-unreadable = Terima kasih, Kak 🙏 Sayangnya bot kami belum bisa membaca kiriman seperti itu (stiker, suara, foto, dan semacamnya). Tulis dengan kata-kata ya, atau minta dibantu admin.

# After an outage.
backlog-summary = Maaf sekali, Kak 🙏 Tadi layanan kami sempat terganggu, dan pesan Kakak baru sampai sekarang. Supaya tidak salah, pesan lama itu *tidak kami proses*: tidak ada yang dibeli atau dibayar karenanya. Silakan ulangi, atau mulai dari sini ya.

# A person.
human-asked = Siap, Kak 🙋 Admin kami sudah diberi tahu dan akan membalas di chat ini. Sementara itu bot diam dulu, jadi silakan tulis keperluan Kakak dengan bebas.

    Mau kembali ke bot? Tekan tombol di bawah atau ketik *selesai*. Bot juga aktif lagi sendiri kalau chat sepi 30 menit.
human-closed = Bot kembali melayani, Kak 🤖 Ada yang bisa dibantu?
human-handed-back = 🤖 Admin kami sudah selesai di sini, dan bot melayani lagi, Kak. Ada yang lain? Tulis saja ya.
human-notice = 🙋 *{ $who }* minta dibantu admin.

    🛒 *Keranjang*
    { $cart }

    💬 *Pesan terakhir*
    { $words }

    Bot diam di chat itu sampai 30 menit sepi, atau sampai tombol di bawah ditekan atau pesan ini dibalas *selesai*.
human-notice-no-cart = (kosong)

# Preferences.
language-ask = Mau pakai bahasa apa, Kak? / Which language would you like?
language-set = Siap, Kak! Mulai sekarang kami pakai Bahasa Indonesia 🇮🇩
marketing-off = Baik, Kak. Mulai sekarang kami tidak mengirim promo lagi 🔕 Kabar tentang pesanan dan pembayaran Kakak tetap kami kirim.
marketing-on = Asyik, terima kasih, Kak! 🔔 Kami kabari kalau ada promo. Mau berhenti? Ketik *berhenti* kapan saja.
