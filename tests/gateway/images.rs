//! Signed URLs of images.

use serde_json::json;

use crate::harness::TestApp;

const LINKS: &str = "query($id: ID!) { task(id: $id) { images {
    original: url preview: url(variant: PREVIEW) thumbnail: url(variant: THUMBNAIL)
    urlExpiresAt width height thumbhash sha256 } } }";

async fn create_image(app: &TestApp, input: serde_json::Value) -> serde_json::Value {
    let ana = app.user("ana");
    let result = ana.generate(input).await;
    let id = result["task"]["id"].as_str().unwrap();
    assert_eq!(ana.wait_until_finished(id).await["status"], "SUCCEEDED");
    ana.graphql(LINKS, json!({ "id": id })).await["task"]["images"][0].clone()
}

#[tokio::test]
async fn the_three_image_variants_have_the_same_aspect_ratio() {
    let app = TestApp::start().await;
    let input = json!({ "prompt": "a cat", "model": "nano-banana-2", "resolution": "R2K",
        "aspectRatio": "2:3", "outputFormat": "PNG" });
    let image = create_image(&app, input).await;
    let ana = app.user("ana");
    for (name, width, height) in
        [("original", 853, 1280), ("preview", 682, 1024), ("thumbnail", 171, 256)]
    {
        for _ in 0..2 {
            let answer = ana.get(image[name].as_str().unwrap()).await;
            assert_eq!(answer.headers()["content-type"], "image/png");
            assert!(
                answer.headers()["cache-control"]
                    .to_str()
                    .unwrap()
                    .starts_with("private, max-age=")
            );
            let picture = image::load_from_memory(&answer.bytes().await.unwrap()).unwrap();
            assert_eq!((picture.width(), picture.height()), (width, height), "{name}");
        }
    }
    assert_eq!((&image["width"], &image["height"]), (&json!(853), &json!(1280)));
    assert!(image["thumbhash"].as_str().unwrap().len() > 20);
}

#[tokio::test]
async fn a_modified_or_expired_link_is_rejected() {
    let app = TestApp::start().await;
    let image = create_image(&app, json!({ "prompt": "a cat" })).await;
    let ana = app.user("ana");
    let link = image["original"].as_str().unwrap();
    let (bare, _) = link.split_once('?').unwrap();
    for wrong in [
        bare.to_owned(),
        link.replace("original", "thumbnail"),
        link.replace("expires=", "expires=1"),
        format!("{link}x"),
        link.replace("/images/", "/images/../"),
    ] {
        let answer = ana.get(&wrong).await;
        assert!([403, 404].contains(&answer.status().as_u16()), "{wrong}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
    app.advance(2 * 3600);
    assert_eq!(ana.get(link).await.status(), 403);
}

#[tokio::test]
async fn an_image_is_sent_in_parts_and_only_when_it_is_not_known() {
    let app = TestApp::start().await;
    let image = create_image(&app, json!({ "prompt": "a cat", "outputFormat": "PNG" })).await;
    let ana = app.user("ana");
    let link = image["original"].as_str().unwrap();
    let whole = ana.get(link).await;
    let tag = whole.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(whole.headers()["accept-ranges"], "bytes");
    let length = whole.content_length().unwrap();
    let bytes = whole.bytes().await.unwrap();
    assert_eq!(bytes.len() as u64, length);
    let get = |name: &str, value: String| ana.http.get(link).header(name, value).send();

    let part = get("range", "bytes=100-199".to_owned()).await.unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(part.headers()["content-range"], format!("bytes 100-199/{length}"));
    assert_eq!(part.bytes().await.unwrap(), bytes[100..200]);
    let outside = get("range", format!("bytes={length}-")).await.unwrap();
    assert_eq!(outside.status(), 416);
    assert_eq!(outside.headers()["content-range"], format!("bytes */{length}"));

    let known = get("if-none-match", tag.clone()).await.unwrap();
    assert_eq!((known.status().as_u16(), known.headers()["etag"].to_str().unwrap()), (304, &*tag));
    assert!(known.bytes().await.unwrap().is_empty());
    assert_eq!(get("if-none-match", "\"other\"".to_owned()).await.unwrap().status(), 200);

    let head = ana.http.head(link).send().await.unwrap();
    assert_eq!(head.headers()["content-length"], length.to_string());
    assert_eq!(head.headers()["content-type"], "image/png");
    assert!(head.bytes().await.unwrap().is_empty());
}
