//! The words people use for commands.

/// A command without its arguments, to say which one was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CommandName {
    /// `menu`
    Menu,
    /// `produk`
    Products,
    /// `cari`
    Search,
    /// `detail`
    Detail,
    /// `beli`
    Buy,
    /// `keranjang`
    Cart,
    /// `tambah`
    Add,
    /// `kurang`
    Reduce,
    /// `hapus`
    Remove,
    /// `kosongkan`
    ClearCart,
    /// `alamat`
    Address,
    /// `checkout`
    Checkout,
    /// `ya`
    Yes,
    /// `tidak`
    No,
    /// `pesanan`
    Orders,
    /// `cek`
    CheckPayment,
    /// `lacak`
    Track,
    /// `batal`
    Cancel,
    /// `saldo`
    Balance,
    /// `topup`
    TopUp,
    /// `mutasi`
    Statement,
    /// `bahasa`
    Language,
    /// `cs`
    Human,
    /// `selesai`
    CloseHuman,
    /// `berhenti`
    StopMarketing,
    /// `langganan`
    StartMarketing,
    /// `stok`
    Stock,
    /// `addstok`
    AddUnits,
    /// `harga`
    Price,
    /// `kirim`
    Ship,
    /// `kirimulang`
    Resend,
    /// `rekap`
    Recap,
    /// `tutup`
    CloseShop,
    /// `buka`
    OpenShop,
}
