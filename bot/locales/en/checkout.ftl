# Cart, quote, address, ways to pay.
shop-closed = 🌙 Sorry, the shop is closed, so we cannot take orders right now. Feel free to look around; we will be open again soon 🙏
and-others = … and { $count } more

button-cart = 🛒 Cart
button-checkout = ✅ Checkout
button-add-more = Add more
button-clear-cart = 🗑️ Empty cart
button-decline = Cancel
button-see-order = See the order
button-cancel-order = Cancel the order

cart-title = 🛒 *Your cart*
cart-empty = Your cart is still empty 🛒 Have a look around!
cart-sum = Subtotal: *{ $sum }*
cart-hint = To take something out, type for example *reduce coffee 1* or *remove coffee*.
cart-line-ended = { $name } — no longer for sale
cart-line-short = { $count } × { $name } — { $price } (only { $left } left)
cart-added = ✅ { $count } × *{ $name }* is in your cart.
cart-added-more-than-left = ✅ *{ $name }* is in your cart, but only { $left } are left.
cart-too-many-units = Sorry, 999 of one product are the most we can take.
cart-full = Sorry, a cart holds at most 50 different products. Please check this one out first.
cart-reduced = ✅ Your cart now has { $left } of *{ $name }*.
cart-removed = ✅ *{ $name }* is out of your cart.
cart-not-inside = *{ $words }* is not in your cart.
cart-which = Which one should we take out?
cart-cleared = Your cart is empty now.
catalog-left-out = ⚠️ These we could not take as ordered:

shortage = Sorry, we do not have that many 🙏
shortage-none = • { $name }: sold out
shortage-some = • { $name }: { $left } left, you asked for { $wanted }
shortage-buy = Buy { $left }
shortage-reduce = Make it { $left }
shortage-remove = Take it out

quote-title = 🧾 *Your order*
quote-line = { $count } × { $name } — { $price }
quote-shipping = Shipping: { $fee }
quote-free-shipping = Shipping: *free* 🎉
quote-total = *Total: { $total }*
quote-sent-to = 📍 Ships to: { $address } (type *address* to change it)
quote-sent-in-chat = ⚡ Sent right here in this chat once it is paid.
quote-needs-address = 📍 Where should we send it? We need an address to deliver your goods. Reply with the name, street and number, district, city and postcode.
quote-until = These prices hold until { $time }. How would you like to pay?
quote-no-way = Sorry, none of our ways to pay takes this amount. We are happy to help you in person.
quote-label-pay = Ways to pay
quote-other-ways = Other ways to pay
quote-all-ways = 💳 *Total: { $total }* — choose how to pay:
quote-some-ended = ⚠️ We left out what is no longer for sale.
quote-renewed = 🔄 That offer has expired, so here it is again at the latest prices.
quote-renewed-partly = 🔄 That offer has expired, and some of it is no longer for sale. Here is the latest sum.
quote-too-large = Sorry, this order is outside what can be paid. We are happy to help you in person.
quote-unknown = Sorry, we cannot find that offer. Let us start again.
quote-is-order = This offer is already order *{ $number }*.
quote-declined = No problem, that is cancelled. Nothing was charged 👍
quote-nothing-open = All right, there is nothing to cancel 👍

address-now = 📍 Your address: { $address } — reply with a new one to change it.
address-none = 📍 You have not saved an address yet. Reply with the name, street and number, district, city and postcode.
address-noted = ✅ We have noted your address.
address-saved = ✅ Address saved: { $address }
address-too-short = That address is a little short. Please write the name, street and number, district, city and postcode.
address-incomplete = That does not look like a full address yet. Please write the name, street and number, district, city and postcode.
address-too-long = That address is too long. { $limit } letters are the most we can take.

method-qris = QRIS
method-va-bca = BCA VA
method-va-bni = BNI VA
method-va-bri = BRI VA
method-va-permata = Permata VA
method-mandiri = Mandiri Bill
method-indomaret = Indomaret
method-snap = E-wallet, card
method-saldo = Balance
ways-saldo-and = Balance + { $method }
ways-rest = { $rest } more by { $method }
