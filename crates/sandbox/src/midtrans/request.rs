//! Reading what a shop asks for, strictly: every fault is collected and named.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::expiry;
use super::method::Method;
use super::payment::Details;

/// The longest `order_id` of Core and Snap.
const ORDER_ID_MAX: usize = 50;
/// The longest name or id of an item.
const ITEM_TEXT_MAX: usize = 50;
/// The longest item name on a BCA virtual account.
const BCA_ITEM_NAME_MAX: usize = 30;
/// The longest `custom_field`.
const CUSTOM_FIELD_MAX: usize = 255;
/// The bounds of `bill_info1` and `bill_info2` of Mandiri Bill Payment.
const BILL_INFO_MAX: [usize; 2] = [10, 30];
/// What is wrong with a request, in Midtrans' manner: the field, then the rule.
pub(super) type Faults = Vec<String>;

/// A valid charge.
#[derive(Debug)]
pub(super) struct Charge {
    pub(super) order: Order,
    pub(super) method: Method,
    pub(super) expires_at: DateTime<Utc>,
}

/// A valid request for a Snap page.
#[derive(Debug)]
pub(super) struct SnapPage {
    pub(super) order: Order,
    /// The methods offered, in the page's order.
    pub(super) methods: Vec<Method>,
    pub(super) page_expires_at: DateTime<Utc>,
    /// When a payment made on the page ends; by the method's default if absent.
    pub(super) payments_expire_at: Option<DateTime<Utc>>,
    pub(super) finish_url: Option<String>,
}

/// What a charge and a Snap page have in common.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) id: String,
    pub(super) amount: i64,
    pub(super) details: Details,
}

/// The method a charge names, if it is a known one. Needed before the rest is read, since the
/// method decides whether an `Idempotency-Key` counts.
pub(super) fn method(body: &Value) -> Option<Method> {
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
    match text("/payment_type")? {
        "qris" => Some(Method::Qris),
        "gopay" => Some(Method::Gopay),
        "shopeepay" => Some(Method::ShopeePay),
        "echannel" => Some(Method::MandiriBill),
        "bank_transfer" => {
            let bank = text("/bank_transfer/bank")?;
            Method::ALL
                .into_iter()
                .find(|method| method.bank() == Some(bank))
        }
        "cstore" => match text("/cstore/store")?.to_lowercase().as_str() {
            "indomaret" => Some(Method::Indomaret),
            "alfamart" => Some(Method::Alfamart),
            _ => None,
        },
        _ => None,
    }
}

/// Reads a charge of `method`.
pub(super) fn charge(body: &Value, method: Method, now: DateTime<Utc>) -> Result<Charge, Faults> {
    let mut faults = Faults::new();
    let order = order(body, &mut faults);
    let (least, most) = method.limits();
    if order.amount > most || (order.amount > 0 && order.amount < least) {
        faults.push(format!(
            "transaction_details.gross_amount must be between {least} and {most} for {method}"
        ));
    }
    check_method(body, method, &order.details, &mut faults);
    let expires_at = expiry::of_charge(body, method, now, &mut faults);
    if faults.is_empty() {
        Ok(Charge {
            order,
            method,
            expires_at,
        })
    } else {
        Err(faults)
    }
}

/// Reads a request for a Snap page.
pub(super) fn snap_page(body: &Value, now: DateTime<Utc>) -> Result<SnapPage, Faults> {
    let mut faults = Faults::new();
    let order = order(body, &mut faults);
    let methods = enabled_payments(body, order.amount, &mut faults);
    let ends = expiry::of_page(body, now, &mut faults);
    let finish_url = body.pointer("/callbacks/finish").and_then(Value::as_str);
    if faults.is_empty() {
        Ok(SnapPage {
            order,
            methods,
            page_expires_at: ends.page,
            payments_expire_at: ends.payments,
            finish_url: finish_url.map(str::to_owned),
        })
    } else {
        Err(faults)
    }
}

fn order(body: &Value, faults: &mut Faults) -> Order {
    let order_id = match body.pointer("/transaction_details/order_id") {
        Some(Value::String(id)) if is_order_id(id) => id.clone(),
        None | Some(Value::Null) => {
            faults.push("transaction_details.order_id is required".into());
            String::new()
        }
        Some(_) => {
            faults.push(format!(
                "transaction_details.order_id must be 1 to {ORDER_ID_MAX} of A-Z a-z 0-9 - _ ~ ."
            ));
            String::new()
        }
    };
    let amount = match body.pointer("/transaction_details/gross_amount") {
        None | Some(Value::Null) => {
            faults.push("transaction_details.gross_amount is required".into());
            0
        }
        Some(amount) => amount.as_i64().unwrap_or_else(|| {
            faults.push("transaction_details.gross_amount must be an integer".into());
            0
        }),
    };
    if amount < 1 {
        faults
            .push("transaction_details.gross_amount must be greater than or equal to 0.01".into());
    }
    let items = items(body, amount, faults);
    check_customer(body, faults);
    let custom_fields = [1, 2, 3].map(|number| custom_field(body, number, faults));
    Order {
        id: order_id,
        amount,
        details: Details {
            items,
            custom_fields,
        },
    }
}

fn is_order_id(id: &str) -> bool {
    (1..=ORDER_ID_MAX).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_~.".contains(&byte))
}

fn items(body: &Value, amount: i64, faults: &mut Faults) -> Vec<(String, i64, i64)> {
    let list = match body.get("item_details") {
        None | Some(Value::Null) => return Vec::new(),
        Some(Value::Array(list)) => list,
        Some(_) => {
            faults.push("item_details must be an array".into());
            return Vec::new();
        }
    };
    let items: Vec<_> = list.iter().map(|value| item(value, faults)).collect();
    let sum = items.iter().try_fold(0_i64, |sum, (_, price, quantity)| {
        sum.checked_add(price.checked_mul(*quantity)?)
    });
    if sum != Some(amount) {
        faults.push(
            "transaction_details.gross_amount is not equal to the sum of item_details".into(),
        );
    }
    items
}

fn item(value: &Value, faults: &mut Faults) -> (String, i64, i64) {
    let mut whole = |name: &str| {
        let number = value.get(name).and_then(Value::as_i64);
        if number.is_none() {
            faults.push(format!("item_details.{name} must be an integer"));
        }
        number.unwrap_or(0)
    };
    let price = whole("price");
    let quantity = whole("quantity");
    if quantity < 1 {
        faults.push("item_details.quantity must be greater than or equal to 1".into());
    }
    if let Some(id) = value.get("id")
        && id
            .as_str()
            .is_none_or(|id| id.chars().count() > ITEM_TEXT_MAX)
    {
        faults.push(format!(
            "item_details.id must be a string of at most {ITEM_TEXT_MAX}"
        ));
    }
    let name = value.get("name").and_then(Value::as_str).unwrap_or("");
    if !(1..=ITEM_TEXT_MAX).contains(&name.chars().count()) {
        faults.push(format!(
            "item_details.name must have 1 to {ITEM_TEXT_MAX} characters"
        ));
    }
    (name.to_owned(), price, quantity)
}

fn check_customer(body: &Value, faults: &mut Faults) {
    let Some(customer) = body.get("customer_details") else {
        return;
    };
    if let Some(email) = customer.get("email")
        && !email.as_str().is_some_and(is_email)
    {
        faults.push("customer_details.email format is invalid".into());
    }
    if let Some(phone) = customer.get("phone")
        && !phone.as_str().is_some_and(is_phone)
    {
        faults.push("customer_details.phone format is invalid".into());
    }
}

fn is_email(email: &str) -> bool {
    let parts: Vec<&str> = email.split('@').collect();
    parts.len() == 2 && !parts[0].is_empty() && parts[1].contains('.') && !email.contains(' ')
}

fn is_phone(phone: &str) -> bool {
    let digits = phone.chars().filter(char::is_ascii_digit).count();
    (5..=19).contains(&digits)
        && phone
            .chars()
            .all(|c| c.is_ascii_digit() || "+-() ".contains(c))
}

fn custom_field(body: &Value, number: u8, faults: &mut Faults) -> Option<String> {
    let name = format!("custom_field{number}");
    let value = body.get(&name).filter(|value| !value.is_null())?;
    let text = value
        .as_str()
        .filter(|text| text.chars().count() <= CUSTOM_FIELD_MAX);
    if text.is_none() {
        faults.push(format!(
            "{name} must be a string of at most {CUSTOM_FIELD_MAX}"
        ));
    }
    text.map(str::to_owned)
}

fn check_method(body: &Value, method: Method, details: &Details, faults: &mut Faults) {
    let names = || details.items.iter().map(|(name, _, _)| name);
    match method {
        Method::BcaVa if names().any(|name| name.chars().count() > BCA_ITEM_NAME_MAX) => {
            faults.push(format!(
                "item_details.name must have at most {BCA_ITEM_NAME_MAX} for bca"
            ));
        }
        Method::BniVa => {
            let phone = body
                .pointer("/customer_details/phone")
                .and_then(Value::as_str);
            if phone.is_some_and(|phone| !phone.starts_with("+62") && !phone.starts_with('0')) {
                faults.push("customer_details.phone must start with +62 or 0 for bni".into());
            }
        }
        Method::Alfamart if names().any(|name| name.contains('|')) => {
            faults.push("item_details.name must not contain | for alfamart".into());
        }
        Method::MandiriBill => {
            for (index, max) in BILL_INFO_MAX.into_iter().enumerate() {
                let name = format!("echannel.bill_info{}", index + 1);
                let pointer = format!("/{}", name.replace('.', "/"));
                let info = body.pointer(&pointer).and_then(Value::as_str);
                if !info.is_some_and(|info| (1..=max).contains(&info.chars().count())) {
                    faults.push(format!("{name} must have 1 to {max} characters"));
                }
            }
        }
        Method::Qris => {
            let acquirer = body.pointer("/qris/acquirer").and_then(Value::as_str);
            if acquirer.is_some_and(|name| !matches!(name, "gopay" | "airpay shopee")) {
                faults.push("qris.acquirer must be gopay or airpay shopee".into());
            }
        }
        _ => {}
    }
}

fn enabled_payments(body: &Value, amount: i64, faults: &mut Faults) -> Vec<Method> {
    let named: Vec<Method> = match body.get("enabled_payments") {
        None | Some(Value::Null) => Method::ALL.to_vec(),
        Some(Value::Array(names)) => names
            .iter()
            .filter_map(Value::as_str)
            .flat_map(Method::from_snap)
            .collect(),
        Some(_) => {
            faults.push("enabled_payments must be an array".into());
            return Vec::new();
        }
    };
    let offered: Vec<Method> = Method::ALL
        .into_iter()
        .filter(|method| named.contains(method))
        .filter(|method| (method.limits().0..=method.limits().1).contains(&amount))
        .collect();
    if offered.is_empty() && amount > 0 {
        faults.push("enabled_payments has no payment method for this gross_amount".into());
    }
    offered
}
