# Options that lead on from anywhere.
option-menu = 🏠 Menu
option-products = 🛍️ Products
option-cart = 🛒 Cart
option-clear-cart = 🗑️ Empty the cart
option-address = 📍 Address
option-checkout = ✅ Checkout
option-yes = ✅ Yes, go on
option-no = ❌ No, thanks
option-methods = 💳 Ways to pay
option-orders = 📦 My orders
option-check-payment = 🔄 Check payment
option-track = 🚚 Track parcel
option-cancel = ❌ Cancel order
option-balance = 💰 Balance
option-top-up = ➕ Top up
option-statement = 📒 Statement
option-language = 🌐 Language
option-human = 🙋 Talk to a person
option-close-human = 🤖 Back to the bot
option-received = ✅ It has arrived
option-hand-back = ✅ Done, bot again
option-stop-marketing = 🔕 Stop offers
option-start-marketing = 🔔 Get offers
option-staff = Staff menu

# What is wrong with a command.
problem-missing = Almost there 🙂 Something is still missing after the command.
problem-quantity = I could not read how many you would like. Please use a whole number from 1 to 999.
problem-quantity-digits = Please write the number with the digits 0–9: a whole number from 1 to 999.
problem-quantity-whole = It has to be a whole number from 1 to 999. We cannot sell parts of an item 🙏
problem-quantity-least = The smallest quantity is 1 (a whole number from 1 to 999).
problem-quantity-most = That is a lot! One order takes at most 999 of an item. For bulk orders type *agent* and our team will help.
problem-two-quantities = There are two numbers in there, and I do not want to get it wrong. Please name one item and one quantity; you can add the others after.
problem-amount = I could not read the amount. Please write it in rupiah, like 50000, 50.000 or 50k.
problem-amount-whole = Please use whole rupiah, without decimals.
problem-amount-least = The amount has to be more than zero.
problem-amount-ambiguous = That amount could be read in two ways, and I would rather not guess. Please write it in full, like 50.000.
problem-amount-most = That amount is too large. Please try a smaller one.
problem-order-number = That does not look like an order number. They look like WRG-241126-7K3QX.
problem-sku = That does not look like a product code. Codes have letters, digits and dashes.
problem-language = We do not speak that language yet 🙏 For now there are Indonesian and English.
problem-courier = I could not read the courier. Write it like JNE, J&T or SICEPAT.
problem-resi = That does not look like a tracking number. It has 5 to 40 letters and digits, without spaces.
problem-chat = I could not tell whose chat that is. Please write an order number or a phone number.
problem-stock = I could not read the stock. Write a whole number, or + and - to add and take away.

# How a command is written.
example-menu = Type *menu* to see everything you can do.
example-products = For example: *products* for everything, or *products kopi* for one category.
example-search = For example: *search coffee*
example-detail = For example: *detail coffee*
example-buy = For example: *buy coffee 2*
example-add = For example: *add coffee 2*
example-reduce = For example: *reduce coffee 1*
example-remove = For example: *remove coffee*
example-cart = Type *cart* to see what is in your cart.
example-address = For example: *address Jl. Melati No. 5, Bandung 40115*
example-checkout = Type *checkout* to order what is in your cart.
example-orders = Type *orders* to see all your orders.
example-check-payment = Type *orders*, then pick the order to check.
example-track = Type *track* for your latest parcel, or *track* and an order number.
example-received = Type *received* when your parcel is there, or *received* and an order number.
example-cancel = Type *cancel*, or *cancel* and an order number.
example-top-up = For example: *topup 50k*
example-language = For example: *language id* or *language en*

# What is not understood.
unclear-stale = That option is from a while ago 🙏 Let us start again from here.
unclear-no-options = There are no numbered options above. Shall we start from here?
unclear-one-option = There is only one option:
unclear-out-of-range = That number is not on the list. Please pick 1 to { $last }:
unclear-unreadable = Thank you 🙏 Our bot cannot read messages like that yet (stickers, voice notes, photos and the like). Please put it in words, or ask for a person.

# After an outage.
backlog-summary = We are sorry 🙏 Our service was interrupted, and your message only reached us now. To be on the safe side we *did not act on it*: nothing was bought or paid because of it. Please say it again, or start from here.

# A person.
human-asked = Of course 🙋 Our team has been told and will answer in this chat. The bot stays quiet meanwhile, so feel free to write what you need.

    Want the bot back? Tap the button below or type *done*. It also returns by itself after 30 quiet minutes.
human-closed = The bot is back 🤖 What can we do for you?
human-handed-back = 🤖 Our team has finished here, and the bot answers again. Anything else? Just write.
human-notice = 🙋 *{ $who }* is asking for a person.

    🛒 *Cart*
    { $cart }

    💬 *Last words*
    { $words }

    The bot stays quiet in that chat until it has been still for 30 minutes, or until you tap the button or reply *done*.
human-notice-no-cart = (empty)

# Preferences.
language-ask = Mau pakai bahasa apa, Kak? / Which language would you like?
language-set = Sure! We will speak English from now on 🇬🇧
marketing-off = All right, no more offers from us 🔕 You will still hear about your own orders and payments.
marketing-on = Great, thank you! 🔔 We will tell you about offers. Changed your mind? Type *stop* at any time.
