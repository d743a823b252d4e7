//! Uploads of images to edit.

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageEncoder, ImageFormat, Rgb, RgbImage};
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::harness::{TestApp, User, eventually};

/// A GPS latitude in the metadata of the photo; it must not reach the provider.
const SECRET: &[u8] = b"N52.370216";

/// A photo of 40 by 20 pixels with an Exif rotation of 90 degrees, a Display P3 profile, metadata.
fn photo() -> Vec<u8> {
    let picture = RgbImage::from_fn(40, 20, |x, _| Rgb([u8::try_from(x * 6).unwrap(), 90, 160]));
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new(&mut bytes);
    encoder.set_exif_metadata(exif()).unwrap();
    encoder.set_icc_profile(moxcms::ColorProfile::new_display_p3().encode().unwrap()).unwrap();
    DynamicImage::from(picture).write_with_encoder(encoder).unwrap();
    bytes.extend_from_slice(SECRET);
    bytes
}

/// Little-endian TIFF: orientation 6 (rotate right) and a description.
fn exif() -> Vec<u8> {
    let mut exif = b"II*\0\x08\0\0\0\x02\0".to_vec();
    exif.extend([0x0E, 0x01, 2, 0, u8::try_from(SECRET.len()).unwrap(), 0, 0, 0, 38, 0, 0, 0]);
    exif.extend([0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0]);
    exif.extend([0; 4]);
    exif.extend_from_slice(SECRET);
    exif
}

fn png() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    RgbImage::new(3, 5).write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

async fn create_upload(user: &User, content_type: &str, byte_size: usize) -> Value {
    let query = "mutation($input: CreateUploadInput!) { createUpload(input: $input) {
        __typename ... on UploadCreated { id putUrl expiresAt } ... on InvalidInput { fields { path message } } } }";
    let input = json!({ "contentType": content_type, "byteSize": byte_size });
    user.graphql(query, json!({ "input": input })).await["createUpload"].clone()
}

async fn put(user: &User, upload: &Value, content_type: &str, bytes: &[u8]) -> reqwest::Response {
    let request = user.http.put(upload["putUrl"].as_str().unwrap());
    request.header(CONTENT_TYPE, content_type).body(bytes.to_vec()).send().await.unwrap()
}

async fn upload_image(user: &User, content_type: &str, bytes: &[u8]) -> String {
    let upload = create_upload(user, content_type, bytes.len()).await;
    assert_eq!(put(user, &upload, content_type, bytes).await.status(), 204);
    upload["id"].as_str().unwrap().to_owned()
}

fn edit(source: &Value) -> Value {
    json!({ "prompt": "as a watercolour", "images": [source] })
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn the_provider_receives_a_photo_upright_and_without_its_metadata() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let photo = photo();
    assert!([SECRET, b"Exif", b"ICC_PROFILE"].iter().all(|part| contains(&photo, part)));
    let upload = upload_image(&ana, "image/jpeg", &photo).await;
    let result = ana.edit(edit(&json!({ "uploadId": upload }))).await;
    let task = ana.wait_until_finished(result["task"]["id"].as_str().unwrap()).await;
    assert_eq!(task["status"], "SUCCEEDED", "{task}");

    let provider_input = ana.get(&app.simulator.inputs()[0]).await;
    assert_eq!(provider_input.status(), 200);
    let provider_input = provider_input.bytes().await.unwrap();
    assert!(![SECRET, b"Exif", b"ICC_PROFILE"].iter().any(|part| contains(&provider_input, part)));
    let picture = image::load_from_memory(&provider_input).unwrap().into_rgb8();
    assert_eq!((picture.width(), picture.height()), (20, 40));
    // The Display P3 color (234, 90, 160) becomes a stronger red in sRGB.
    let [red, green, _] = picture.get_pixel(10, 39).0;
    assert!(red > 245 && green < 85, "{red} {green}");
}

#[tokio::test]
async fn the_url_given_to_the_provider_outlives_the_task_timeout() {
    let app = TestApp::with(&["--task-timeout-seconds=86400"]).await;
    let ana = app.user("ana");
    let upload = upload_image(&ana, "image/png", &png()).await;
    let result = ana.edit(edit(&json!({ "uploadId": upload }))).await;
    ana.wait_until_finished(result["task"]["id"].as_str().unwrap()).await;
    let provider_input = &app.simulator.inputs()[0];
    app.advance(86_400);
    assert_eq!(ana.get(provider_input).await.status(), 200);
    app.advance(3_700);
    assert_eq!(ana.get(provider_input).await.status(), 403);
}

#[tokio::test]
async fn an_earlier_result_can_be_edited_by_its_id() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let first = ana.wait_until_finished(&ana.submit("a boat").await).await;
    let result = ana.edit(edit(&json!({ "imageId": first["images"][0]["id"] }))).await;
    let second = ana.wait_until_finished(result["task"]["id"].as_str().unwrap()).await;
    assert_eq!(second["status"], "SUCCEEDED", "{second}");
    let provider_input = ana.get(&app.simulator.inputs()[0]).await.bytes().await.unwrap();
    let original = ana.get(first["images"][0]["url"].as_str().unwrap()).await;
    assert_eq!(provider_input, original.bytes().await.unwrap());
}

#[tokio::test]
async fn images_and_uploads_of_other_users_cannot_be_edited() {
    let app = TestApp::start().await;
    let (ana, eve) = (app.user("ana"), app.user("eve"));
    let upload = upload_image(&ana, "image/png", &png()).await;
    let image =
        ana.wait_until_finished(&ana.submit("a boat").await).await["images"][0]["id"].clone();
    let own = upload_image(&eve, "image/png", &png()).await;
    let unsent = create_upload(&eve, "image/png", 100).await["id"].clone();
    for (source, field) in [
        (json!({ "uploadId": upload }), "uploadId"),
        (json!({ "uploadId": unsent }), "uploadId"),
        (json!({ "uploadId": "nonsense" }), "uploadId"),
        (json!({ "imageId": image }), "imageId"),
        (json!({ "imageId": "nonsense" }), "imageId"),
        (json!({ "imageId": own.replace("upload", "image") }), "imageId"),
    ] {
        let result = eve.edit(edit(&source)).await;
        assert_eq!(result["__typename"], "InvalidInput", "{source}: {result}");
        assert_eq!(result["fields"][0]["path"], json!(["images", "0", field]));
    }
}

#[tokio::test]
async fn create_upload_rejects_unsupported_types_and_sizes() {
    let app = TestApp::with(&["--max-upload-bytes=1000"]).await;
    let ana = app.user("ana");
    for (content_type, size, field) in [
        ("image/heic", 100, "contentType"),
        ("text/html", 100, "contentType"),
        ("image/png", 0, "byteSize"),
        ("image/png", 1001, "byteSize"),
    ] {
        let result = create_upload(&ana, content_type, size).await;
        assert_eq!(result["__typename"], "InvalidInput", "{content_type} {size}");
        assert_eq!(result["fields"][0]["path"], json!([field]));
    }
    assert_eq!(create_upload(&ana, "IMAGE/PNG", 1000).await["__typename"], "UploadCreated");
}

#[tokio::test]
async fn bytes_that_do_not_match_the_declared_upload_are_rejected() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let (png, photo) = (png(), photo());
    let cut = &photo[..photo.len() / 2];
    for (declared, size, sent, bytes, status) in [
        ("image/png", 9, "image/png", &b"<svg></sv"[..], 415),
        ("image/png", png.len() + 1, "image/png", &png[..], 400),
        ("image/png", png.len() - 1, "image/png", &png[..], 413),
        ("image/jpeg", cut.len(), "image/jpeg", cut, 422),
        ("image/png", 20, "image/png", &png[..20], 422),
    ] {
        let upload = create_upload(&ana, declared, size).await;
        let answer = put(&ana, &upload, sent, bytes).await;
        assert_eq!(answer.status(), status, "{declared} {size} {sent}");
        assert_eq!(answer.headers()[CONTENT_TYPE], "application/problem+json");
        let result = ana.edit(edit(&json!({ "uploadId": upload["id"] }))).await;
        assert_eq!(result["__typename"], "InvalidInput");
    }
}

#[tokio::test]
async fn an_upload_accepts_the_same_bytes_again_and_no_others() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let png = png();
    let upload = create_upload(&ana, "image/png", png.len()).await;
    assert_eq!(put(&ana, &upload, "image/png", &png).await.status(), 204);
    assert_eq!(put(&ana, &upload, "image/png", &png).await.status(), 204);
    // Bytes after the end of the image are ignored by the decoder, but make the upload different.
    let (mut long, mut other) = (png.clone(), png);
    long.push(1);
    other.push(2);
    let upload = create_upload(&ana, "image/png", long.len()).await;
    assert_eq!(put(&ana, &upload, "image/png", &long).await.status(), 204);
    assert_eq!(put(&ana, &upload, "image/png", &other).await.status(), 409);
}

#[tokio::test]
async fn slow_uploads_of_one_user_do_not_block_other_users() {
    let app = TestApp::start().await;
    let (ana, eve) = (app.user("ana"), app.user("eve"));
    let upload = create_upload(&eve, "image/png", 1000).await;
    let trickle = || {
        let (sender, chunks) = tokio::sync::mpsc::channel::<std::io::Result<Vec<u8>>>(1);
        sender.try_send(Ok(vec![0])).unwrap();
        let body = reqwest::Body::wrap_stream(tokio_stream::wrappers::ReceiverStream::new(chunks));
        let request = eve.http.put(upload["putUrl"].as_str().unwrap());
        let request = request.header(CONTENT_TYPE, "image/png").body(body);
        (sender, tokio::spawn(request.send()))
    };
    let slow = tokio::sync::Mutex::new(Vec::new());
    let rejected = eventually("a further upload to be rejected", || async {
        let answer = put(&eve, &upload, "image/png", &[0; 1000]).await;
        if answer.status() == 503 {
            return Some(answer);
        }
        // The slow uploads of earlier rounds may have arrived after this one and been rejected.
        slow.lock().await.push(trickle());
        None
    })
    .await;
    assert_eq!(rejected.headers()["retry-after"], "5");
    upload_image(&ana, "image/png", &png()).await;
}

#[tokio::test]
async fn the_bytes_of_an_upload_decide_its_format() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let (png, photo) = (png(), photo());
    for (declared, sent, bytes, stored_as) in [
        ("image/jpeg", "image/jpeg", &png[..], "png"),
        ("image/png", "image/png", &photo[..], "jpg"),
        ("image/jpg", "", &photo[..], "jpg"),
        ("image/pjpeg", "image/pjpeg", &photo[..], "jpg"),
        ("image/jpeg; charset=binary", "IMAGE/JPEG", &photo[..], "jpg"),
    ] {
        let upload = create_upload(&ana, declared, bytes.len()).await;
        assert_eq!(put(&ana, &upload, sent, bytes).await.status(), 204, "{declared} {sent}");
        let id = upload["id"].as_str().unwrap();
        assert!(app.has_file(&format!("{id}/original.{stored_as}")), "{declared} {sent}");
    }
}

#[tokio::test]
async fn a_photo_file_with_a_video_after_the_image_is_accepted_without_the_video() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let video = [b"ftypmp42".repeat(100), vec![7; 3_000_000]].concat();
    let motion = [photo(), video].concat();
    let id = upload_image(&ana, "image/jpeg", &motion).await;
    let stored = app.read_file(&format!("{id}/original.jpg"));
    assert!(!stored.windows(8).any(|bytes| bytes == b"ftypmp42"), "{} bytes", stored.len());
}

#[tokio::test]
async fn a_rejection_reaches_a_client_that_is_still_sending() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let large = vec![0; 20 * 1024 * 1024];
    let upload = create_upload(&ana, "image/png", large.len()).await;
    assert_eq!(put(&ana, &upload, "image/jpeg", &large).await.status(), 415);
    let wrong = json!({ "putUrl": format!("{}x", upload["putUrl"].as_str().unwrap()) });
    assert_eq!(put(&ana, &wrong, "image/png", &large).await.status(), 403);
}

#[tokio::test]
async fn an_invalid_or_expired_upload_link_is_rejected() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let png = png();
    let upload = create_upload(&ana, "image/png", png.len()).await;
    let link = upload["putUrl"].as_str().unwrap();
    let other = create_upload(&ana, "image/png", png.len()).await;
    let (id, other) = (upload["id"].as_str().unwrap(), other["id"].as_str().unwrap());
    for wrong in
        [link.replace(id, other), link.replace("expires=1", "expires=2"), format!("{link}x")]
    {
        let answer = put(&ana, &json!({ "putUrl": wrong }), "image/png", &png).await;
        assert_eq!(answer.status(), 403, "{wrong}");
    }
    app.advance(3_600);
    assert_eq!(put(&ana, &upload, "image/png", &png).await.status(), 403);
}

#[tokio::test]
async fn an_unused_upload_is_removed_after_a_day_and_a_used_one_is_kept() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let (unused, used) = (
        upload_image(&ana, "image/png", &png()).await,
        upload_image(&ana, "image/png", &png()).await,
    );
    let result = ana.edit(edit(&json!({ "uploadId": used }))).await;
    ana.wait_until_finished(result["task"]["id"].as_str().unwrap()).await;
    assert!(app.has_file(&format!("{unused}/original.png")));
    app.advance(24 * 3600 + 1);
    eventually("the unused upload to be removed", || async {
        app.advance(601);
        (!app.has_file(&format!("{unused}/original.png"))).then_some(())
    })
    .await;
    assert!(app.has_file(&format!("{used}/original.png")));
    let result = ana.edit(edit(&json!({ "uploadId": unused }))).await;
    assert_eq!(result["__typename"], "InvalidInput");
    let result = ana.edit(edit(&json!({ "uploadId": used }))).await;
    assert_eq!(result["__typename"], "TaskAccepted");
}

#[tokio::test]
async fn the_upload_of_a_failed_edit_is_removed_after_a_day() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let upload = upload_image(&ana, "image/png", &png()).await;
    let input = json!({ "prompt": "[sim:policy]", "images": [{ "uploadId": upload }] });
    let result = ana.edit(input).await;
    let task = ana.wait_until_finished(result["task"]["id"].as_str().unwrap()).await;
    assert_eq!(task["status"], "FAILED");
    assert!(app.has_file(&format!("{upload}/original.png")));
    app.advance(24 * 3600 + 1);
    eventually("the upload to be removed", || async {
        app.advance(601);
        (!app.has_file(&format!("{upload}/original.png"))).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_upload_of_a_canceled_edit_is_removed_unless_another_edit_uses_it() {
    let app = TestApp::with(&["--submissions-per-10-seconds=0"]).await;
    let ana = app.user("ana");
    let canceled = upload_image(&ana, "image/png", &png()).await;
    let shared = upload_image(&ana, "image/png", &png()).await;
    for upload in [&canceled, &shared] {
        let result = ana.edit(edit(&json!({ "uploadId": upload }))).await;
        if *upload == shared {
            ana.edit(edit(&json!({ "uploadId": upload }))).await;
        }
        let result = ana.cancel(result["task"]["id"].as_str().unwrap()).await;
        assert_eq!(result["__typename"], "TaskCanceled", "{result}");
    }
    app.advance(24 * 3600 + 1);
    eventually("the upload of the canceled edit to be removed", || async {
        app.advance(601);
        (!app.has_file(&format!("{canceled}/original.png"))).then_some(())
    })
    .await;
    assert!(app.has_file(&format!("{shared}/original.png")));
}

#[tokio::test]
async fn a_page_of_another_origin_may_upload_an_image() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let upload = create_upload(&ana, "image/png", png().len()).await;
    let link = upload["putUrl"].as_str().unwrap();
    let preflight =
        ana.http.request(reqwest::Method::OPTIONS, link).header("origin", "http://localhost:3000");
    let preflight = preflight
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", "content-type");
    let answer = preflight.send().await.unwrap();
    let allowed = answer.headers()["access-control-allow-methods"].to_str().unwrap();
    assert!(allowed.contains("PUT"), "{allowed}");
    assert_eq!(answer.headers()["access-control-allow-origin"], "http://localhost:3000");
}

#[tokio::test]
async fn images_and_uploads_of_one_user_have_a_limit_in_bytes() {
    let app = TestApp::with(&["--max-stored-bytes=1000000"]).await;
    let (ana, ben) = (app.user("ana"), app.user("ben"));
    let id = ana.submit("a cat").await;
    assert_eq!(ana.wait_until_finished(&id).await["status"], "SUCCEEDED");
    let before = stored_bytes(&app, "ana").await;
    assert!(before > 0);

    // Together with the task and its image, one byte too many.
    let too_large = create_upload(&ana, "image/png", 1_000_000 - before + 1).await;
    let message = too_large["fields"][0]["message"].as_str().unwrap();
    assert!(message.contains("1000000 bytes"), "{too_large}");
    let upload = create_upload(&ana, "image/png", 1_000_000 - before).await;
    assert_eq!(upload["__typename"], "UploadCreated");
    assert_eq!(stored_bytes(&app, "ana").await, 1_000_000);

    let rejected = ana.generate(json!({ "prompt": "a dog" })).await;
    assert_eq!(rejected["__typename"], "InvalidInput", "{rejected}");
    assert_eq!(ben.generate(json!({ "prompt": "a dog" })).await["__typename"], "TaskAccepted");

    let delete = "mutation($id: ID!) { deleteTask(id: $id) { __typename } }";
    ana.graphql(delete, json!({ "id": id })).await;
    assert_eq!(stored_bytes(&app, "ana").await, 1_000_000 - before);
    let id = ana.generate(json!({ "prompt": "a dog" })).await["task"]["id"].clone();
    // A task that is not finished counts more than there is left.
    let rejected = ana.generate(json!({ "prompt": "a dog" })).await;
    assert_eq!(rejected["__typename"], "InvalidInput", "{rejected}");
    let task = ana.wait_until_finished(id.as_str().unwrap()).await;
    let text = 4_096 + 4 * "a dog".len();
    let image = usize::try_from(task["images"][0]["byteSize"].as_u64().unwrap()).unwrap();
    // The upload that no task uses is removed after a day.
    app.advance(26 * 60 * 60);
    let removed = || async { (stored_bytes(&app, "ana").await == image + text).then_some(()) };
    eventually("the upload to be removed", removed).await;
    let delete = "mutation($id: ID!) { deleteImage(id: $id) { __typename } }";
    ana.graphql(delete, json!({ "id": task["images"][0]["id"] })).await;
    assert_eq!(stored_bytes(&app, "ana").await, text);
}

#[tokio::test]
async fn an_upload_counts_as_it_is_stored_and_must_not_grow_without_limit() {
    let app = TestApp::with(&["--max-upload-bytes=100000"]).await;
    let ana = app.user("ana");
    let bytes = photo();
    upload_image(&ana, "image/jpeg", &bytes).await;
    let path = app.files().into_iter().find(|path| path.starts_with("upload")).unwrap();
    assert_eq!(stored_bytes(&app, "ana").await, app.read_file(&path).len());
    // Noise that repeats far away: a small file, but not for the encoder of the gateway.
    let bytes = repeated_noise();
    assert!(bytes.len() < 100_000, "{}", bytes.len());
    let upload = create_upload(&ana, "image/png", bytes.len()).await;
    let rejected = put(&ana, &upload, "image/png", &bytes).await;
    assert_eq!(rejected.status(), 422);
    let problem: Value = rejected.json().await.unwrap();
    assert!(problem["detail"].as_str().unwrap().contains("at most 200000"), "{problem}");
}

/// A PNG whose rows are copies of a few noisy ones, compressed well.
fn repeated_noise() -> Vec<u8> {
    let mut state = 1_u32;
    let mut noise = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        u8::try_from(state >> 24).unwrap()
    };
    let tile: Vec<u8> = (0..3 * 3_000).map(|_| noise()).collect();
    let rows = (0..200_usize).flat_map(|row| {
        let shift = row * 7 % tile.len();
        tile[shift..].iter().chain(&tile[..shift]).copied().collect::<Vec<_>>()
    });
    let image = RgbImage::from_raw(3_000, 200, rows.collect()).unwrap();
    let mut bytes = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new_with_quality(
        &mut bytes,
        image::codecs::png::CompressionType::Best,
        image::codecs::png::FilterType::NoFilter,
    );
    image.write_with_encoder(encoder).unwrap();
    bytes
}

async fn stored_bytes(app: &TestApp, user: &str) -> usize {
    let query = "SELECT stored_bytes FROM users WHERE id = $1";
    let mut database = app.database.connect().await;
    let bytes: i64 = sqlx::query_scalar(query).bind(user).fetch_one(&mut database).await.unwrap();
    usize::try_from(bytes).unwrap()
}
