//! Authentication by tokens and roles, and the list of models.

use serde_json::{Value, json};

use crate::harness::{TestApp, User};

#[tokio::test]
async fn without_a_token_only_the_schema_can_be_queried() {
    let app = TestApp::start().await;
    let anonymous = User { token: String::new(), ..app.user("ana") };
    let answer = anonymous.execute("{ __schema { queryType { name } } }", json!({})).await;
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
        let answer = anonymous.execute(query, json!({})).await;
        let code = &answer["errors"][0]["extensions"]["code"];
        assert_eq!((&answer["data"], code), (&json!(null), &json!("UNAUTHENTICATED")), "{query}");
    }
}

#[tokio::test]
async fn a_rejected_token_returns_401_and_unauthenticated() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let expired = app.token("ana", None, 60);
    app.advance(60 + 31);
    for token in ["nonsense", expired.as_str()] {
        let request = ana.http.post(format!("{}/graphql", app.url)).bearer_auth(token);
        let answer = request.json(&json!({ "query": "{ __typename }" })).send().await.unwrap();
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        assert_eq!(answer.status(), 401);
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{body}");
    }
}

#[tokio::test]
async fn the_token_determines_the_user_and_the_role() {
    let app = TestApp::start().await;
    let query = "{ viewer { id role } }";
    let ana = app.user("ana").graphql(query, json!({})).await;
    assert_eq!(ana["viewer"], json!({ "id": "ana", "role": "USER" }));
    let admin = User::new(&app, "root", Some("admin")).graphql(query, json!({})).await;
    assert_eq!(admin["viewer"], json!({ "id": "root", "role": "ADMIN" }));
}

#[tokio::test]
async fn models_list_their_capabilities_and_prices() {
    let app = TestApp::start().await;
    let query = "{ models { id provider available kinds maxImages maxInputImages aspectRatios
        resolutions outputFormats creditsPerImage } }";
    let data = app.user("ana").graphql(query, json!({})).await;
    insta::assert_json_snapshot!(data["models"]);
}
