# Payments, saldo, statements.

pay-for-order = Order { $number }
pay-for-topup = Saldo top-up
pay-by-qris = *{ $what }*
    Total: *{ $amount }*

    📷 Scan the QR above with any banking or e-wallet app (GoPay, OVO, DANA, ShopeePay and more). On the same phone? Save the picture, then choose it from your gallery in the QRIS menu.

    ⏰ Please pay before *{ $until }*. We'll tell you the moment it arrives.
pay-by-account = *{ $what }*
    Total: *{ $amount }*

    Transfer to this *{ $bank }* virtual account:
    ```{ $number }```

    1. Open your banking app or an ATM and choose *Virtual Account*
    2. Enter the number above
    3. Check the name and the amount, then pay

    ⏰ Please pay before *{ $until }*. We'll tell you the moment it arrives.
pay-by-bill = *{ $what }*
    Total: *{ $amount }*

    Pay with *Mandiri Bill Payment*:
    Company code: ```{ $biller }```
    Payment code: ```{ $key }```

    1. Open Livin' by Mandiri or a Mandiri ATM, choose *Pay*, then *Multipayment*
    2. Enter both codes above
    3. Check the amount, then pay

    ⏰ Please pay before *{ $until }*. We'll tell you the moment it arrives.
pay-by-store = *{ $what }*
    Total: *{ $amount }*

    Show this code at the till of any *{ $store }*:
    ```{ $code }```

    Say that you are paying *Midtrans*, and keep the receipt.

    ⏰ Please pay before *{ $until }*. We'll tell you the moment it arrives.
pay-by-page = *{ $what }*
    Total: *{ $amount }*

    Tap the button below, choose how to pay, and follow the steps. Changed your mind? Type *cancel*.

    ⏰ Please pay before *{ $until }*. We'll tell you the moment it arrives.
pay-button-page = 💳 Pay now
pay-button-check-saldo = 💰 Check saldo
pay-button-again = 🔁 Try again
pay-wait = One moment, please 🙏 Your payment is being prepared. No need to do anything again.
pay-held = ✅ We received your payment of *{ $amount }*. Your bank is still checking it; your saldo goes up at about *{ $time }*.
pay-topped-up = ✅ Your saldo went up by *{ $amount }*. Type *saldo* to see it, or just start shopping!
pay-late = Your payment of *{ $amount }* for { $what } arrived after the order was closed. Your money is safe: it is now in your *saldo*, ready to spend whenever you like.
pay-review = We received a payment for { $what }, but not the amount we asked for. Our team is looking at it and will get in touch soon 🙏
pay-taken-back = ⚠️ Your bank took back the payment of *{ $amount }* for { $what }. Anything not sent yet is on hold. Type *cs* if you need help.
pay-topup-over = Your saldo top-up of *{ $amount }* did not happen: the payment did not arrive in time or could not be made. Nothing was charged.
pay-not-made = Sorry 🙏 The payment for { $what } could not be made, so we closed the order. Nothing was charged. Shall we try another way to pay?
pay-staff-mismatch = ⚠️ *Please check:* the payment of { $what } is not what was asked for (amount, currency or merchant). Order ID at Midtrans: { $id }
pay-staff-taken-back = ⚠️ *Money taken back by a bank:* { $amount } for { $what }. What was not sent is on hold. Already spent by the customer: { $debt }
pay-staff-partly-taken-back = ⚠️ *Part of the money taken back by a bank:* of { $amount } for { $what }. Only Midtrans' dashboard says how much; book it by hand.

saldo-balance = 💰 Your saldo: *{ $amount }*
saldo-held = 🔒 Set aside for unpaid orders: { $held }
saldo-awaits = ⏳ Top-up of { $amount }: waiting for payment
saldo-arrives = ⏳ Top-up of { $amount }: paid, arrives at about { $time }
saldo-button-topup = ➕ Top up
saldo-button-statement = 📄 Statement
saldo-how-much = How much would you like to top up? Choose, or type an amount ({ $least } to { $most }).
saldo-out-of-bounds = You can top up from *{ $least }* to *{ $most }*. How much would you like?
saldo-label-amounts = Choose an amount
saldo-which-method = Top up *{ $amount }*. How would you like to pay?
saldo-label-methods = Choose how to pay
saldo-no-method = Sorry, none of our ways to pay takes that amount 🙏
saldo-too-many = You still have { $count } unpaid top-ups. Please pay one of them first, or wait until they expire.
saldo-begun = This top-up of *{ $amount }* is already under way. How to pay is in the message above.
saldo-over = This top-up of *{ $amount }* is finished. Another one?

statement-title = 📄 *Saldo statement* (page { $page })
statement-line = { $date } · { $what }
    { $amount } → { $balance }
statement-empty = Nothing has happened to your saldo yet.
statement-purchase = Order { $number }
statement-purchase-plain = Order
statement-late = Late payment { $number }
statement-topup = Top-up
statement-refund = Refund
statement-reversal = Taken back by the bank
statement-adjustment = Adjustment
