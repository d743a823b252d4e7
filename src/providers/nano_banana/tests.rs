//! What is sent to each generation. What they answer is read by the family's dialect.

use super::*;
use crate::domain::NanoBananaOptions;
use crate::providers::recorded::{plain, request, submission};

#[test]
fn each_generation_is_asked_in_its_own_words() {
    for model in [FIRST, PRO, SECOND] {
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
fn what_the_client_leaves_to_the_model_is_left_out() {
    let request = plain(TaskKind::Generate);
    for model in [FIRST, PRO, SECOND] {
        let (_, body) = request_body(&submission(model, &request));
        let known = ["callBackUrl", "imageUrls", "numImages", "prompt", "type"];
        let fields: Vec<_> = body.as_object().unwrap().keys().collect();
        assert!(fields.iter().all(|field| known.contains(&field.as_str())), "{model}: {fields:?}");
    }
}
