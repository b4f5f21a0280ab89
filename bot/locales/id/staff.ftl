staff-unknown-product = Kode *{ $sku }* tidak ada di katalog. Cek lagi ya, atau ketik *produk*.
staff-unknown-order = Pesanan *{ $number }* tidak ada. Cek lagi nomornya ya.
staff-stock-fine = 👍 Semua stok aman: tidak ada yang sisa { $limit } atau kurang.
staff-stock-low = 📉 Stok sisa { $limit } atau kurang:

    { $lines }

    Ubah dengan *stok KODE 50*, *stok KODE +5* atau *stok KODE -3*.
staff-stock-one = 📦 *{ $name }* ({ $sku })
    Bisa dijual: *{ $available }*
    Di rak: { $onhand } · dipegang pesanan: { $reserved }
staff-stock-changed = ✅ Stok diubah: { $before } → *{ $after }*
staff-stock-digital = *{ $sku }* produk digital: stoknya mengikuti kodenya. Tambah dengan *addstok { $sku }*, lalu satu kode per baris di bawahnya.
staff-stock-reserved = ❌ Tidak bisa: { $reserved } sedang dipegang pesanan yang belum dibayar. Tunggu sampai dibayar atau kedaluwarsa, atau isi angka yang lebih besar.
staff-stock-too-many = ❌ Terlalu banyak: stok paling tinggi 1.000.000.
staff-units-physical = *{ $sku }* produk fisik, jadi tidak punya kode. Tambah stoknya dengan *stok { $sku } +5*.
staff-units-too-long = ❌ Ada baris yang lebih panjang dari { $limit } karakter. Belum ada yang ditambahkan.
staff-units-added = ✅ { $added } kode baru untuk *{ $sku }* tersimpan (terenkripsi). Demi keamanan, hapus pesan tadi dari chat ini ya.
staff-units-duplicates = ↩️ { $count } kode sudah pernah ada dan dilewati (baris { $places }).
staff-price-range = ❌ Harga harus lebih dari nol dan paling tinggi { $limit }.
staff-price-reseller = ❌ Harga reseller ({ $reseller }) jadi lebih mahal dari harga biasa ({ $price }). Tulis keduanya, misalnya *harga { $sku } 25000 22000*.
staff-price-set = ✅ Harga *{ $sku }*: { $before } → *{ $price }*
    Reseller: { $reseller }
    Penawaran yang sudah dikirim ke pembeli tetap memakai harga lama sampai 15 menit.
staff-ship-unpaid = ❌ Pesanan *{ $number }* tidak sedang menunggu dikirim (belum dibayar, atau sudah selesai).
staff-ship-digital = Pesanan *{ $number }* isinya digital, tidak ada yang dikirim. Untuk mengirim ulang kodenya: *kirimulang { $number }*.
staff-shipped = 🚚 *{ $number }* dikirim dengan { $courier }, resi *{ $resi }*. Pembeli sudah dikabari.
staff-resend-unpaid = ❌ Pesanan *{ $number }* belum dibayar, jadi belum ada yang dikirim ulang.
staff-resent = 📨 Nota dan isi pesanan *{ $number }* dikirim ulang ke pembeli.
staff-completed = ✅ Pesanan *{ $number }* selesai.
staff-complete-already = Pesanan *{ $number }* sudah selesai sebelumnya.
staff-complete-not = ❌ Pesanan *{ $number }* tidak bisa diselesaikan: belum dibayar, isinya digital, atau sudah berakhir.
staff-unknown-chat = Belum ada yang menulis ke toko dengan nomor itu. Cek lagi ya, atau pakai nomor pesanan.
staff-handed-back = 🤖 Bot melayani *{ $who }* lagi. Pelanggan sudah dikabari.
staff-not-handed-over = Bot memang sudah melayani chat itu.
staff-recap = 📊 *Rekap { $date }* (sampai { $time })

    Pesanan masuk: { $placed }
    Dibayar: { $paid }
    Omzet: *{ $revenue }*

    ⏳ Menunggu bayar: { $unpaid }
    📦 Menunggu dikirim: { $unshipped }
staff-recap-methods = 💳 Per cara bayar
    { $lines }
staff-recap-top = 🏆 Terlaris
    { $lines }
staff-opened = 🟢 Toko buka! Pesanan diterima lagi.
staff-closed = 🔴 Toko tutup. Pembeli masih bisa melihat-lihat, tapi belum bisa memesan. Buka lagi dengan *buka*.
example-stock = Contoh: *stok KOPI-01* untuk melihat, *stok KOPI-01 50* untuk mengisi, *stok KOPI-01 +5* untuk menambah.
example-add-units = Contoh: *addstok VOUCHER-10*, lalu satu kode per baris di bawahnya.
example-price = Contoh: *harga KOPI-01 25000*, atau dengan harga reseller: *harga KOPI-01 25000 22000*
example-ship = Contoh: *kirim WRG-241126-7K3QX JNE 0123456789*
example-resend = Contoh: *kirimulang WRG-241126-7K3QX*
example-complete = Contoh: *selesaiorder WRG-241126-7K3QX*
example-hand-back = Contoh: *selesai WRG-241126-7K3QX* atau *selesai 081234567890*, atau balas pemberitahuan tentang pelanggannya dengan *selesai*.
example-staff = Contoh: *rekap*, *tutup* atau *buka*
