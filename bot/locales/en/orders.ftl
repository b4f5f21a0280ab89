# Orders, purchases, receipts.

orders-menu = 🏠 Menu
orders-products = 🛍️ See products
orders-mine = 📦 My orders
orders-see = 🧾 See the order
orders-track = 🚚 Track parcel
orders-received = ✅ It has arrived
orders-check = 🔄 Check payment
orders-cancel = ❌ Cancel
orders-human = 💬 Ask a person
orders-more = ➡️ More
orders-list-label = Choose an order
orders-list = 📦 *Your orders* (page { $page })
    Choose one to see the details.
orders-none = You have no orders yet. Have a look around! 😊

order-unknown = I can't find order *{ $number }*. Please check the number, or choose from your orders.
order-state-awaiting = ⏳ Waiting for payment
order-state-paid = ✅ Paid, being prepared
order-state-fulfilling = 🚚 On its way
order-state-completed = ✅ Completed
order-state-cancelled = ❌ Cancelled
order-state-expired = ⌛ Expired
order-state-refunding = ↩️ Refund under way
order-state-refunded = ↩️ Refunded
order-state-disputed = ⚠️ Payment under review
order-pays-by = Payment: { $by }
order-pay-until = Pay before: *{ $until }*
order-pay-now = Pay now
order-pay-account = 🏦 { $bank } virtual account: ```{ $number }```
order-pay-bill = 🏦 Mandiri Bill: company code ```{ $biller }```, payment code ```{ $key }```
order-pay-store = 🏪 Code to show at the counter: ```{ $code }```
order-checking = 🔎 We're checking the payment now. Once it's in, your receipt arrives right here.
order-parcel = 🚚 { $courier }, tracking number *{ $resi }*
order-shipped = 🚚 Order *{ $number }* is on its way!
    Courier: *{ $courier }*
    Tracking number: *{ $resi }*
order-arrived-hint = Has it arrived? Tap the button below or type *received*.
order-arrived-hint-days = Has it arrived? Tap the button below or type *received*. If we hear nothing, the order is completed { $days } days after shipping.
order-received = 🎉 Thank you for telling us! Order *{ $number }* is completed. Is anything wrong with it? Please talk to us.
order-goods = 🎁 Order *{ $number }* is ready. Here are your digital goods:
order-expired = ⌛ The time to pay order *{ $number }* ran out, so we closed it. You were not charged.
order-cancelled = Order *{ $number }* is cancelled. You were not charged.
order-saldo-back = The *{ $amount }* of your saldo that we had set aside is back.
order-again = 🔁 Order again

track-title = Order *{ $number }*
track-packing = 📦 We're preparing it. You'll get the tracking number here as soon as the parcel leaves.

received-which = Which order has arrived?

cancel-which = Which order would you like to cancel?
cancel-nothing = No order of yours is waiting for payment. For orders already paid, please talk to us.
cancel-too-late = Order *{ $number }* can't be cancelled any more ({ $state }).
cancel-asked = Order *{ $number }* is being cancelled. One moment, we're making sure with the payment provider.

receipt-title = ✅ *Payment received!* Thank you 🙏
receipt-number = No. { $number }
receipt-more-lines = • … and { $count } more products
receipt-shipping = Shipping: { $fee }
receipt-shipping-free = Shipping: free
receipt-total = *Total: { $total }*
receipt-saldo = Saldo
receipt-paid-by = Paid by: { $by }
receipt-address = 📍 { $address }
receipt-packing = 📦 We'll prepare your order right away. The tracking number follows in this chat.
receipt-goods-later = ⏳ Your digital goods follow in this chat at about { $time }, once the payment has been verified.

purchase-nothing-open = There is no order to confirm yet. Would you like to look around first? 😊
purchase-too-many = One moment, please 🙏 At most { $limit } purchases in a row. Try again in *{ $seconds } seconds*. You were not charged.
purchase-not-charged = You were not charged.
purchase-anew = 🔄 That order is closed, so here is a fresh quote at current prices.
purchase-too-little-saldo = Your saldo is not enough.
    Total: *{ $total }*
    Saldo: *{ $saldo }*
    Missing: *{ $missing }*
purchase-saldo-and = Saldo + { $method }
purchase-top-up = ➕ Top up saldo
purchase-other-method = 💳 Other methods
purchase-amount = { $method } takes { $least } to { $most } only. Please choose another method.
