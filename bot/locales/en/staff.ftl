staff-unknown-product = There is no *{ $sku }* in the catalogue. Please check the code, or type *products*.
staff-unknown-order = There is no order *{ $number }*. Please check the number.
staff-stock-fine = 👍 Stock is fine: nothing is down to { $limit } or less.
staff-stock-low = 📉 Down to { $limit } or less:

    { $lines }

    Change it with *stock CODE 50*, *stock CODE +5* or *stock CODE -3*.
staff-stock-one = 📦 *{ $name }* ({ $sku })
    For sale: *{ $available }*
    On the shelf: { $onhand } · held for orders: { $reserved }
staff-stock-changed = ✅ Stock changed: { $before } → *{ $after }*
staff-stock-digital = *{ $sku }* is digital: its stock is its codes. Add some with *addstock { $sku }* and one code per line below.
staff-stock-reserved = ❌ Not possible: { $reserved } are held for orders that are not paid yet. Wait until they are paid or expire, or set a larger number.
staff-stock-too-many = ❌ Too many: the largest stock is 1,000,000.
staff-units-physical = *{ $sku }* is a physical product and has no codes. Raise its stock with *stock { $sku } +5*.
staff-units-too-long = ❌ A line is longer than { $limit } characters. Nothing was added.
staff-units-added = ✅ { $added } new codes for *{ $sku }* are stored (encrypted). To be safe, delete your message from this chat.
staff-units-duplicates = ↩️ { $count } were known already and skipped (lines { $places }).
staff-price-range = ❌ A price has to be more than zero and at most { $limit }.
staff-price-reseller = ❌ Resellers would pay more ({ $reseller }) than everybody else ({ $price }). Give both, for example *price { $sku } 25000 22000*.
staff-price-set = ✅ Price of *{ $sku }*: { $before } → *{ $price }*
    Resellers: { $reseller }
    Quotes already sent keep the old price for up to 15 minutes.
staff-ship-unpaid = ❌ Order *{ $number }* is not waiting to be shipped (not paid yet, or already finished).
staff-ship-digital = Order *{ $number }* is digital, so there is nothing to ship. To send its codes again: *resend { $number }*.
staff-shipped = 🚚 *{ $number }* shipped with { $courier }, tracking number *{ $resi }*. The customer has been told.
staff-resend-unpaid = ❌ Order *{ $number }* is not paid, so there is nothing to send again.
staff-resent = 📨 The receipt and contents of *{ $number }* are on their way to the customer again.
staff-completed = ✅ Order *{ $number }* is completed.
staff-complete-already = Order *{ $number }* was completed before.
staff-complete-not = ❌ Order *{ $number }* cannot be completed: it is not paid yet, is digital, or has ended.
staff-unknown-chat = Nobody with that number has written to the shop. Please check it, or use an order number.
staff-handed-back = 🤖 The bot answers *{ $who }* again. The customer has been told.
staff-not-handed-over = The bot answers in that chat already.
staff-recap = 📊 *Recap of { $date }* (until { $time })

    Orders placed: { $placed }
    Paid: { $paid }
    Revenue: *{ $revenue }*

    ⏳ Waiting for payment: { $unpaid }
    📦 Waiting to be shipped: { $unshipped }
staff-recap-methods = 💳 By way to pay
    { $lines }
staff-recap-top = 🏆 Best sellers
    { $lines }
staff-opened = 🟢 The shop is open! Orders are taken again.
staff-closed = 🔴 The shop is closed. Customers can still look around, but not order. Open it again with *open*.
example-stock = For example: *stock KOPI-01* to look, *stock KOPI-01 50* to set, *stock KOPI-01 +5* to add.
example-add-units = For example: *addstock VOUCHER-10* and one code per line below it.
example-price = For example: *price KOPI-01 25000*, or with a reseller price: *price KOPI-01 25000 22000*
example-ship = For example: *ship WRG-241126-7K3QX JNE 0123456789*
example-resend = For example: *resend WRG-241126-7K3QX*
example-complete = For example: *complete WRG-241126-7K3QX*
example-hand-back = For example: *done WRG-241126-7K3QX* or *done 081234567890*, or reply *done* to the notice about the customer.
example-staff = For example: *recap*, *close* or *open*
