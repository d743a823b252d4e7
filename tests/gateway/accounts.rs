//! Who may do what: tokens, roles, models, credits.

use serde_json::json;

use crate::harness::{TestApp, User};

#[tokio::test]
async fn without_a_token_nothing_is_shown_but_the_schema() {
    let app = TestApp::start().await;
    let nobody = User { token: String::new(), ..app.user("ana") };
    let answer = nobody.execute("{ __schema { queryType { name } } }", json!({})).await;
    assert_eq!(answer["data"]["__schema"]["queryType"]["name"], "Query");
    for query in [
        "{ viewer { id } }",
        "{ models { id } }",
        "{ credits { providers { remaining } } }",
        "{ providers { name } }",
        "{ viewer { eventCursor } }",
        "{ tasks { nodes { id } } }",
        "{ nodes(ids: []) { id } }",
        "mutation { generateImages(input: {prompt: \"a\"}) { __typename } }",
        "mutation { cancelTask(id: \"a\") { __typename } }",
    ] {
        let answer = nobody.execute(query, json!({})).await;
        let code = &answer["errors"][0]["extensions"]["code"];
        assert_eq!((&answer["data"], code), (&json!(null), &json!("UNAUTHENTICATED")), "{query}");
    }
}

#[tokio::test]
async fn a_token_that_is_not_accepted_is_a_401_with_a_reason() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let expired = app.token("ana", None, 60);
    app.advance(60 + 31);
    for (token, reason) in [("nonsense", "not valid"), (expired.as_str(), "expired")] {
        let request = ana.http.post(format!("{}/graphql", app.url)).bearer_auth(token);
        let answer = request.json(&json!({ "query": "{ __typename }" })).send().await.unwrap();
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        assert_eq!(answer.status(), 401);
        assert!(answer.text().await.unwrap().contains(reason));
    }
}

#[tokio::test]
async fn the_token_says_who_and_what_one_is() {
    let app = TestApp::start().await;
    let query = "{ viewer { id role } }";
    let ana = app.user("ana").graphql(query, json!({})).await;
    assert_eq!(ana["viewer"], json!({ "id": "ana", "role": "USER" }));
    let admin = User::new(&app, "root", Some("admin")).graphql(query, json!({})).await;
    assert_eq!(admin["viewer"], json!({ "id": "root", "role": "ADMIN" }));
}

#[tokio::test]
async fn models_say_what_they_can_do_and_cost() {
    let app = TestApp::start().await;
    let query = "{ models { id provider available kinds maxImages maxInputImages aspectRatios
        resolutions outputFormats creditsPerImage } }";
    let data = app.user("ana").graphql(query, json!({})).await;
    insta::assert_json_snapshot!(data["models"]);
}
