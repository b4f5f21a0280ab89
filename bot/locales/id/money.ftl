# Pembayaran, saldo, mutasi.

pay-for-order = Pesanan { $number }
pay-for-topup = Isi saldo
pay-by-qris = *{ $what }*
    Total: *{ $amount }*

    📷 Scan QR di atas dengan m-banking atau e-wallet apa pun (GoPay, OVO, DANA, ShopeePay, dan lainnya). Pakai HP yang sama? Simpan gambarnya, lalu pilih dari galeri di menu QRIS.

    ⏰ Bayar sebelum *{ $until }* ya, Kak. Begitu masuk, langsung kami kabari.
pay-by-account = *{ $what }*
    Total: *{ $amount }*

    Transfer ke virtual account *{ $bank }*:
    ```{ $number }```

    1. Buka m-banking atau ATM, pilih *Virtual Account*
    2. Masukkan nomor di atas
    3. Cek nama dan jumlahnya, lalu bayar

    ⏰ Bayar sebelum *{ $until }* ya, Kak. Begitu masuk, langsung kami kabari.
pay-by-bill = *{ $what }*
    Total: *{ $amount }*

    Bayar lewat *Mandiri Bill Payment*:
    Kode perusahaan: ```{ $biller }```
    Kode bayar: ```{ $key }```

    1. Buka Livin' by Mandiri atau ATM Mandiri, pilih *Bayar* lalu *Multipayment*
    2. Masukkan kedua kode di atas
    3. Cek jumlahnya, lalu bayar

    ⏰ Bayar sebelum *{ $until }* ya, Kak. Begitu masuk, langsung kami kabari.
pay-by-store = *{ $what }*
    Total: *{ $amount }*

    Tunjukkan kode ini ke kasir *{ $store }*:
    ```{ $code }```

    Bilang mau bayar *Midtrans*, lalu simpan struknya.

    ⏰ Bayar sebelum *{ $until }* ya, Kak. Begitu masuk, langsung kami kabari.
pay-by-page = *{ $what }*
    Total: *{ $amount }*

    Ketuk tombol di bawah, pilih cara bayarnya, lalu ikuti petunjuknya. Berubah pikiran? Ketik *batal*.

    ⏰ Bayar sebelum *{ $until }* ya, Kak. Begitu masuk, langsung kami kabari.
pay-button-page = 💳 Bayar sekarang
pay-button-check-saldo = 💰 Cek saldo
pay-button-again = 🔁 Coba lagi
pay-wait = Sebentar ya, Kak 🙏 Pembayarannya sedang disiapkan. Kakak tidak perlu mengulang apa pun.
pay-held = ✅ Pembayaran *{ $amount }* sudah kami terima. Bank masih memeriksanya; saldo Kakak bertambah sekitar pukul *{ $time }*.
pay-topped-up = ✅ Saldo Kakak bertambah *{ $amount }*. Ketik *saldo* untuk melihatnya, atau langsung belanja ya, Kak!
pay-late = Pembayaran *{ $amount }* untuk { $what } baru masuk setelah pesanannya ditutup. Tenang, Kak, uangnya utuh: sudah kami masukkan ke *saldo* Kakak dan bisa dipakai belanja kapan saja.
pay-review = Pembayaran untuk { $what } sudah kami terima, tapi jumlahnya tidak sesuai. Tim kami sedang memeriksanya dan akan segera menghubungi Kakak 🙏
pay-taken-back = ⚠️ Pembayaran *{ $amount }* untuk { $what } ditarik kembali oleh bank, Kak. Yang belum dikirim kami tahan dulu. Ketik *cs* kalau Kakak butuh bantuan.
pay-topup-over = Isi saldo *{ $amount }* tidak jadi: pembayarannya tidak masuk pada waktunya atau tidak bisa diproses. Tidak ada yang ditagih, Kak.
pay-not-made = Maaf Kak 🙏 Pembayaran untuk { $what } tidak bisa diproses, jadi pesanannya kami tutup dulu. Tidak ada yang ditagih. Mau coba lagi dengan cara bayar lain?
pay-staff-mismatch = ⚠️ *Perlu diperiksa:* pembayaran { $what } tidak sesuai dengan yang diminta (jumlah, mata uang, atau merchant). Order ID di Midtrans: { $id }
pay-staff-taken-back = ⚠️ *Dana ditarik bank:* { $amount } untuk { $what }. Yang belum dikirim ditahan. Sudah terpakai oleh pelanggan: { $debt }
pay-staff-partly-taken-back = ⚠️ *Sebagian dana ditarik bank:* dari { $amount } untuk { $what }. Jumlahnya hanya ada di dasbor Midtrans; catat di pembukuan.

saldo-balance = 💰 Saldo Kakak: *{ $amount }*
saldo-held = 🔒 Disisihkan untuk pesanan yang belum dibayar: { $held }
saldo-awaits = ⏳ Isi saldo { $amount }: menunggu pembayaran
saldo-arrives = ⏳ Isi saldo { $amount }: sudah dibayar, masuk sekitar pukul { $time }
saldo-button-topup = ➕ Isi saldo
saldo-button-statement = 📄 Mutasi
saldo-how-much = Mau isi saldo berapa, Kak? Pilih, atau ketik jumlahnya ({ $least } sampai { $most }).
saldo-out-of-bounds = Isi saldo bisa dari *{ $least }* sampai *{ $most }*, Kak. Mau isi berapa?
saldo-label-amounts = Pilih jumlah
saldo-which-method = Isi saldo *{ $amount }*. Mau bayar pakai apa, Kak?
saldo-label-methods = Pilih cara bayar
saldo-no-method = Maaf Kak, jumlah itu belum bisa dibayar dengan cara bayar yang ada 🙏
saldo-too-many = Masih ada { $count } isi saldo yang belum dibayar, Kak. Bayar dulu salah satunya, atau tunggu sampai kedaluwarsa ya.
saldo-begun = Isi saldo *{ $amount }* ini sudah dibuat, Kak. Cara bayarnya ada di pesan sebelumnya.
saldo-over = Isi saldo *{ $amount }* ini sudah selesai, Kak. Mau isi lagi?

statement-title = 📄 *Mutasi saldo* (halaman { $page })
statement-line = { $date } · { $what }
    { $amount } → { $balance }
statement-empty = Belum ada mutasi saldo, Kak.
statement-purchase = Belanja { $number }
statement-purchase-plain = Belanja
statement-late = Pembayaran terlambat { $number }
statement-topup = Isi saldo
statement-refund = Pengembalian dana
statement-reversal = Ditarik kembali oleh bank
statement-adjustment = Penyesuaian
