//! Request bodies of each model. `kie` parses the responses.

use super::*;
use crate::domain::NanoBananaOptions;
use crate::providers::test_support::{plain, request, submission};

#[test]
fn each_model_has_its_own_request_format() {
    for model in [NANO_BANANA, NANO_BANANA_PRO, NANO_BANANA_2] {
        for kind in [TaskKind::Generate, TaskKind::Edit] {
            let options = NanoBananaOptions { google_search: Some(true) };
            let mut request = request(kind);
            request.options.nano_banana = Some(options);
            let body = request_body(&submission(model, &request));
            insta::assert_json_snapshot!(format!("{model}_{kind:?}"), body);
        }
    }
}

#[test]
fn settings_that_the_client_omits_are_not_sent() {
    let request = plain(TaskKind::Generate);
    for model in [NANO_BANANA, NANO_BANANA_PRO, NANO_BANANA_2] {
        let (_, body) = request_body(&submission(model, &request));
        let known = ["callBackUrl", "imageUrls", "numImages", "prompt", "type"];
        let fields: Vec<_> = body.as_object().unwrap().keys().collect();
        assert!(fields.iter().all(|field| known.contains(&field.as_str())), "{model}: {fields:?}");
    }
}
