//! Request bodies, responses and signatures of callbacks.

use std::collections::BTreeMap;

use super::*;
use crate::domain::FluxKontextOptions;
use crate::providers::test_support::{
    api, fixture, now, outcome_name, plain, request, response, state_name, submission, unsigned,
};

const KEY: &str = "whk_test_0123456789abcdef";

fn provider(webhook_key: Option<&str>) -> FluxKontext {
    let rate_limits = kie::rate_limits(18, 9);
    FluxKontext::new(api("http://127.0.0.1"), rate_limits, webhook_key.map(SecretString::from))
}

#[test]
fn every_setting_is_sent_under_its_name() {
    let options = FluxKontextOptions {
        prompt_upsampling: Some(true),
        safety_tolerance: Some(2),
        enable_translation: Some(false),
    };
    for (model, kind) in [(PRO, TaskKind::Generate), (MAX, TaskKind::Edit)] {
        let mut request = request(kind);
        request.options.flux_kontext = Some(options);
        let body = request_body(&submission(model, &request));
        insta::assert_json_snapshot!(format!("{model}_{kind:?}"), body);
    }
}

#[test]
fn settings_that_the_client_omits_are_not_sent() {
    let request = plain(TaskKind::Edit);
    let body = request_body(&submission(PRO, &request));
    let fields: Vec<_> = body.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["callBackUrl", "inputImage", "model", "prompt"]);
}

#[test]
fn submissions_are_read_by_their_code_and_message() {
    let cases = [
        ("accepted", 200, "accepted fk-01"),
        ("unauthorized", 200, "UpstreamAuth and pause"),
        ("no-credits", 200, "UpstreamCredits and pause"),
        ("not-found", 404, "Internal"),
        ("timed-out", 200, "UpstreamTimeout"),
        ("validation", 200, "InvalidInput"),
        ("rate-limited", 429, "after 10s"),
        ("maintenance", 200, "after 120s"),
        ("server-error", 200, "one retry, then UpstreamUnavailable"),
        ("tolerance", 200, "InvalidInput"),
        ("generation-failed", 200, "UpstreamUnavailable"),
        ("disabled", 200, "UpstreamUnavailable"),
    ];
    for (name, status, expected) in cases {
        let response = response(status, fixture("flux-kontext", &format!("submit-{name}")));
        assert_eq!(outcome_name(&kie::read_submission(&response, "")), expected, "{name}");
    }
}

#[test]
fn records_are_read_by_their_flag_and_never_by_the_original_image() {
    let link = "finished https://tempfile.aiquickdraw.com/f/fk-01.jpeg";
    let cases = [
        ("generating", "in progress"),
        ("success", link),
        ("success-empty", "GenerationFailed"),
        ("flagged", "ContentRejected"),
        ("internal-error", "GenerationFailed"),
        ("failed", "GenerationFailed"),
        ("create-failed", "GenerationFailed"),
        ("not-visible", "unknown"),
    ];
    for (name, expected) in cases {
        let response = response(200, fixture("flux-kontext", &format!("record-{name}")));
        assert_eq!(state_name(&kie::read_record(&response)), expected, "{name}");
    }
}

#[test]
fn callbacks_are_read_wherever_the_task_id_is() {
    let link = "finished https://tempfile.aiquickdraw.com/f/fk-01.jpeg";
    let cases = [
        ("success", Ok(link)),
        ("flagged", Ok("ContentRejected")),
        ("internal-error", Ok("GenerationFailed")),
        ("failed", Ok("GenerationFailed")),
        ("top-level-id", Ok(link)),
        ("without-id", Err(CallbackError::NoUpstreamId)),
    ];
    for (name, expected) in cases {
        let body = fixture("flux-kontext", &format!("callback-{name}"));
        let payload = provider(None).read_callback(&unsigned(&body));
        let seen =
            payload.as_ref().map(|payload| state_name(&payload.state)).map_err(|reason| *reason);
        assert_eq!(seen, expected.map(str::to_owned), "{name}");
    }
}

/// The documented test vector: task `fk-task-0001`, signed at 1760000000.
fn signed(timestamp: &str, signature: &str, age: i64) -> Result<String, CallbackError> {
    let headers = BTreeMap::from([
        ("x-webhook-timestamp".to_owned(), timestamp.to_owned()),
        ("x-webhook-signature".to_owned(), signature.to_owned()),
    ]);
    let body = br#"{"code":200,"msg":"ok","data":{"taskId":"fk-task-0001","info":{}}}"#;
    let received_at = now() + chrono::TimeDelta::seconds(age);
    let callback = Callback { headers: &headers, body, received_at };
    provider(Some(KEY)).read_callback(&callback).map(|payload| payload.upstream_id)
}

#[test]
fn a_signed_callback_is_valid_for_five_minutes() {
    let signature = "8PX8lUFJIR2P1YTVtOAN8EdXuhHzKTlpzwsrJlBnwA8=";
    let at = "1760000000";
    assert_eq!(signed(at, signature, 0), Ok("fk-task-0001".to_owned()));
    assert_eq!(signed(at, signature, 300), Ok("fk-task-0001".to_owned()));
    assert_eq!(signed(at, signature, -300), Ok("fk-task-0001".to_owned()));
    assert_eq!(signed(at, signature, 301), Err(CallbackError::SignatureExpired));
    assert_eq!(signed(at, signature, -301), Err(CallbackError::SignatureExpired));
    assert_eq!(signed("1760000001", signature, 0), Err(CallbackError::SignatureMismatch));
    assert_eq!(signed("-9223372036854775808", signature, 0), Err(CallbackError::SignatureExpired));
    assert_eq!(signed("soon", signature, 0), Err(CallbackError::InvalidTimestamp));
    assert_eq!(signed(at, "AAAA", 0), Err(CallbackError::SignatureMismatch));
    assert_eq!(signed(at, "no base64!", 0), Err(CallbackError::MalformedSignature));
}

#[test]
fn with_a_webhook_key_an_unsigned_callback_is_rejected() {
    let body = fixture("flux-kontext", "callback-success");
    let unsigned = provider(Some(KEY)).read_callback(&unsigned(&body));
    assert_eq!(unsigned, Err(CallbackError::NoSignature));
}

#[test]
fn each_host_has_its_own_path_for_the_balance() {
    let first =
        |url: &str| FluxKontext::new(api(url), kie::rate_limits(18, 9), None).balance_paths()[0];
    assert_eq!(first("https://api.kie.ai"), "/api/v1/chat/credit");
    assert_eq!(first("https://api.fluxapi.ai"), "/api/v1/common/credit");
}
