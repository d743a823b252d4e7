//! GraphQL over HTTP, and the health endpoints.

use serde_json::{Value, json};

use crate::harness::{TestApp, User};

async fn read(answer: reqwest::Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

#[tokio::test]
async fn malformed_requests_return_distinct_statuses_and_codes() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let url = format!("{}/graphql", app.url);
    let cases: [(&str, Vec<u8>, u16, &str); 8] = [
        ("text/plain", br#"{"query":"{ __typename }"}"#.to_vec(), 415, "BAD_USER_INPUT"),
        ("application/json", b"{".to_vec(), 400, "BAD_USER_INPUT"),
        ("application/json", b"{\"query\": 7}".to_vec(), 400, "BAD_USER_INPUT"),
        ("application/json", b"[{\"query\":\"{ __typename }\"}]".to_vec(), 400, "LIMIT_EXCEEDED"),
        ("application/json", b"{}".to_vec(), 400, "BAD_USER_INPUT"),
        ("application/json", br#"{"query":"{"}"#.to_vec(), 400, "BAD_USER_INPUT"),
        ("application/json", br#"{"query":"{ nonsense }"}"#.to_vec(), 400, "BAD_USER_INPUT"),
        ("application/json", vec![b' '; 1024 * 1024 + 1], 413, "LIMIT_EXCEEDED"),
    ];
    for (content_type, body, status, code) in cases {
        let sent = String::from_utf8_lossy(&body).chars().take(40).collect::<String>();
        let request = ana.http.post(&url).bearer_auth(&ana.token).body(body);
        let request = request
            .header("content-type", content_type)
            .header("accept", "application/graphql-response+json");
        let (got, body) = read(request.send().await.unwrap()).await;
        assert_eq!(
            (got, &body["errors"][0]["extensions"]["code"]),
            (status, &json!(code)),
            "{sent}"
        );
        assert!(body.get("data").is_none(), "{sent}");
        assert!(body["errors"][0]["extensions"]["requestId"].is_string(), "{sent}");
    }
}

#[tokio::test]
async fn get_requests_run_queries_but_not_mutations() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let get = |query: &str| {
        let mut url = url::Url::parse(&format!("{}/graphql", app.url)).unwrap();
        url.query_pairs_mut().append_pair("query", query);
        ana.http.get(url).bearer_auth(&ana.token).send()
    };
    let (status, body) = read(get("{ viewer { id role } }").await.unwrap()).await;
    assert_eq!((status, &body["data"]["viewer"]), (200, &json!({ "id": "ana", "role": "USER" })));
    let answer = get("mutation { cancelTask(id: 1) { __typename } }").await.unwrap();
    assert_eq!(answer.headers()["allow"], "POST");
    assert_eq!(answer.status(), 405);
}

#[tokio::test]
async fn fields_are_returned_in_the_requested_order() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let body = json!({ "query": "{ z: viewer { role id } a: viewer { id } }" });
    let request = ana.http.post(format!("{}/graphql", app.url)).bearer_auth(&ana.token);
    let answer = request.json(&body).send().await.unwrap();
    let types: Vec<_> = answer.headers().get_all("content-type").iter().collect();
    assert_eq!(types, ["application/json; charset=utf-8"]);
    let text = answer.text().await.unwrap();
    assert_eq!(text, r#"{"data":{"z":{"role":"USER","id":"ana"},"a":{"id":"ana"}}}"#);

    ana.submit("[sim:never-finishes]").await;
    let body =
        json!({ "query": "{ tasks { nodes { z: kind prompt a: kind cost { settled } } } }" });
    let request = ana.http.post(format!("{}/graphql", app.url)).bearer_auth(&ana.token);
    let text = request.json(&body).send().await.unwrap().text().await.unwrap();
    let task = r#"{"z":"GENERATE","prompt":"[sim:never-finishes]","a":"GENERATE","cost":{"settled":null}}"#;
    assert_eq!(text, format!(r#"{{"data":{{"tasks":{{"nodes":[{task}]}}}}}}"#));
}

#[tokio::test]
async fn operations_over_a_limit_return_limit_exceeded() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let nested = |depth: usize| {
        format!(
            "{}{}{}",
            "{ node(id: 1) { ... on Image ".to_owned() + &"{ task { images ".repeat(depth),
            "{ id }",
            "} }".repeat(depth) + " } }"
        )
    };
    let answer = ana.execute(&nested(12), json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "LIMIT_EXCEEDED", "{answer}");
    let wide: Vec<String> = (0..600).map(|n| format!("a{n}: viewer {{ id }}")).collect();
    let wide = wide.join(" ");
    let answer = ana.execute(&format!("{{ {wide} }}"), json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "LIMIT_EXCEEDED", "{answer}");
}

#[tokio::test]
async fn an_omitted_variable_omits_its_argument() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let query = "mutation($input: GenerateImagesInput!, $count: Int) {
        whole: generateImages(input: $input) { ...made }
        parts: generateImages(input: { prompt: \"a\", count: $count }) { ...made }
    }
    fragment made on TaskAccepted { task { requestedImages } }";
    let made = ana.graphql(query, json!({ "input": { "prompt": "a" } })).await;
    let one = json!({ "task": { "requestedImages": 1 } });
    assert_eq!(made, json!({ "whole": one, "parts": one }));
    let page =
        ana.graphql("query($first: Int) { tasks(first: $first) { nodes { id } } }", json!({}));
    assert_eq!(page.await["tasks"]["nodes"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_field_selected_twice_is_resolved_once() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let mutation = "mutation { ...A ...B }
        fragment A on Mutation { generateImages(input: { prompt: \"a\" }) { ... on TaskAccepted { task { id } } } }
        fragment B on Mutation { generateImages(input: { prompt: \"a\" }) { ... on TaskAccepted { task { prompt } } } }";
    let made = ana.graphql(mutation, json!({})).await;
    assert_eq!(made["generateImages"]["task"]["prompt"], "a", "{made}");
    let history = ana.graphql("{ tasks { nodes { id } } }", json!({})).await;
    assert_eq!(history["tasks"]["nodes"], json!([{ "id": made["generateImages"]["task"]["id"] }]));
}

#[tokio::test]
async fn invalid_argument_values_are_rejected_before_execution() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let both = "{ fluxKontext: {}, nanoBanana: {} }";
    let wrong = [
        format!("generateImages(input: {{ prompt: \"b\", options: {both} }}) {{ __typename }}"),
        "generateImages(input: { prompt: \"b\", options: {} }) { __typename }".to_owned(),
        "generateImages(input: { prompt: \"b\", options: $none }) { __typename }".to_owned(),
        "generateImages(input: { prompt: \"b\", prompt: \"c\" }) { __typename }".to_owned(),
        "generateImages(input: { prompt: $nothing }) { __typename }".to_owned(),
        "generateImages(input: { prompt: \"b\", options: { nanoBanana: $absent, fluxKontext: {} } }) { __typename }".to_owned(),
        "generateImages(input: { prompt: \"b\", count: $numbers }) { __typename }".to_owned(),
        "generateImages(input: { prompt: $left }) { __typename }".to_owned(),
        "generateImages(input: { prompt: \"b\", metadata: { order: [$typo] } }) { __typename }".to_owned(),
        "generateImages(input: { prompt: \"b\" }) @skip(if: $nothing) { __typename }".to_owned(),
    ];
    for field in wrong {
        let variables = [
            ("$none", "ProviderOptions"),
            ("$nothing", if field.contains("@skip") { "Boolean = true" } else { "String = \"a\"" }),
            ("$absent", "NanoBananaOptions"),
            ("$left", "String"),
            ("$numbers", "[Int!]"),
        ];
        let used = variables.iter().filter(|(name, _)| field.contains(name));
        let used: Vec<String> = used.map(|(name, ty)| format!("{name}: {ty}")).collect();
        let variable =
            if used.is_empty() { String::new() } else { format!("({})", used.join(" ")) };
        let good = "generateImages(input: { prompt: \"a\" }) { __typename }";
        let query = format!("mutation{variable} {{ a: {good} b: {field} }}");
        let answer =
            ana.execute(&query, json!({ "none": {}, "nothing": null, "numbers": [1] })).await;
        assert!(answer.get("data").is_none(), "{query}: {answer}");
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
    }
    let query = "{ tasks(filter: { createdAfter: \"yesterday\" }) { nodes { id } } }";
    let answer = ana.execute(query, json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
    let history = ana.graphql("{ tasks { nodes { id } } }", json!({})).await;
    assert_eq!(history["tasks"]["nodes"], json!([]));
}

#[tokio::test]
async fn an_object_whose_fields_are_all_skipped_is_empty_and_not_null() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let query = "query($no: Boolean!, $yes: Boolean!) {
        viewer { id @include(if: $no) }
        models @skip(if: $yes) { id }
    }";
    let data = ana.graphql(query, json!({ "no": false, "yes": true })).await;
    assert_eq!(data, json!({ "viewer": {} }));
    let query = "mutation { generateImages(input: { prompt: \"\" }) { ... on TaskAccepted { task { id } } } }";
    assert_eq!(ana.graphql(query, json!({})).await, json!({ "generateImages": {} }));
    assert_eq!(ana.graphql("{ viewer @skip(if: true) { id } }", json!({})).await, json!({}));
}

#[tokio::test]
async fn strings_and_json_values_are_stored_unchanged() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let query = r#"mutation {
        block: generateImages(input: { prompt: """say \""" now""" }) { ...prompt }
        escaped: generateImages(input: { prompt: "\u{1F600} \uD83D\uDE00 \t" }) { ...prompt }
    }
    fragment prompt on TaskAccepted { task { prompt } }"#;
    let made = ana.graphql(query, json!({})).await;
    assert_eq!(made["block"]["task"]["prompt"], r#"say """ now"#);
    assert_eq!(made["escaped"]["task"]["prompt"], "😀 😀 \t");
    let metadata = json!({ "n": 0.965_878_679_450_073_1, "list": [1, [2.5], { "a": null }] });
    let query = "mutation($m: JSON) { generateImages(input: { prompt: \"a\", metadata: $m }) {
        ... on TaskAccepted { task { metadata } } } }";
    let made = ana.graphql(query, json!({ "m": metadata })).await;
    assert_eq!(made["generateImages"]["task"]["metadata"], metadata);
}

#[tokio::test]
async fn a_failed_nullable_field_is_null_and_the_other_fields_are_returned() {
    let app = TestApp::start().await;
    let query_without_token = async |query: &str| {
        let request = reqwest::Client::new().post(format!("{}/graphql", app.url));
        let (status, answer) =
            read(request.json(&json!({ "query": query })).send().await.unwrap()).await;
        let errors = answer["errors"].as_array().unwrap();
        let codes = errors.iter().map(|error| &error["extensions"]["code"]);
        assert!(codes.into_iter().all(|code| code == "UNAUTHENTICATED"), "{answer}");
        (status, answer["data"].clone(), errors.len())
    };
    let one = query_without_token("{ task(id: 1) { id } __typename }").await;
    assert_eq!(one, (200, json!({ "task": null, "__typename": "Query" }), 1));
    let all = query_without_token("{ task(id: 1) { id } node(id: 2) { id } }").await;
    assert_eq!(all, (200, json!({ "task": null, "node": null }), 2));
    let non_null = query_without_token("{ task(id: 1) { id } viewer { id } __typename }").await;
    assert_eq!(non_null, (200, json!(null), 2));
}

#[tokio::test]
async fn a_response_over_the_size_limit_shows_that_the_operation_ran() {
    let app = TestApp::with(&["--max-response-bytes=300"]).await;
    let ana = app.user("ana");
    let query = "mutation($p: String!) {
        generateImages(input: { prompt: $p }) { ... on TaskAccepted { task { prompt } } } }";
    let answer = ana.execute(query, json!({ "p": "plantain ".repeat(50) })).await;
    assert_eq!(answer["data"], json!(null));
    assert_eq!(answer["errors"][0]["extensions"]["bound"], "answerBytes");
    assert!(answer.as_object().unwrap().contains_key("data"), "{answer}");
    let history = ana.graphql("{ tasks { nodes { id } } }", json!({})).await;
    assert_eq!(history["tasks"]["nodes"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn each_use_of_a_variable_counts_toward_the_limits() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    let field = |n| {
        format!("a{n}: generateImages(input: {{ prompt: \"a\", metadata: $m }}) {{ __typename }}")
    };
    let fields: Vec<String> = (0..30).map(field).collect();
    let query = format!("mutation($m: JSON) {{ {} }}", fields.join(" "));
    for metadata in [json!(vec![0; 2_000]), json!("a".repeat(200_000)), json!(vec![0; 60_000])] {
        let answer = ana.execute(&query, json!({ "m": metadata })).await;
        assert_eq!(answer["errors"][0]["extensions"]["bound"], "inputValues", "{answer}");
    }
    let deep = (0..40).fold(json!(1), |inner, _| json!([inner]));
    let query = "mutation($m: JSON) { generateImages(input: { prompt: \"a\", metadata: $m }) {
        ... on InvalidInput { fields { path } } } }";
    let rejected = ana.graphql(query, json!({ "m": deep })).await;
    assert_eq!(rejected["generateImages"]["fields"][0]["path"], json!(["metadata"]), "{rejected}");
}

#[tokio::test]
async fn health_endpoints_report_each_dependency() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    assert_eq!(ana.get(&format!("{}/livez", app.url)).await.status(), 200);
    let (status, body) = read(ana.get(&format!("{}/readyz", app.url)).await).await;
    assert_eq!((status, body), (200, json!({ "database": true, "images": true, "workers": true })));
    let (status, body) = read(ana.get(&format!("{}/nowhere", app.url)).await).await;
    assert_eq!((status, &body["title"]), (404, &json!("Not Found")));
    let mut database = app.database.connect().await;
    sqlx::raw_sql("DELETE FROM _sqlx_migrations").execute(&mut database).await.unwrap();
    let (status, body) = read(ana.get(&format!("{}/readyz", app.url)).await).await;
    assert_eq!((status, &body["database"]), (503, &json!(false)));
}

/// Returns the names of the fields of a type that have no arguments and no selection.
async fn leaf_fields(ana: &User, type_name: &str) -> String {
    let query = "query($name: String!) {
        __type(name: $name) { fields { name args { name } type { kind ofType { kind ofType { kind } } } } }
    }";
    let found = ana.graphql(query, json!({ "name": type_name })).await;
    let is_leaf = |field: &&Value| {
        let text = field["type"].to_string();
        let is_composite = ["OBJECT", "INTERFACE", "UNION", "LIST"].iter();
        let mut is_composite = is_composite.map(|kind| text.contains(kind));
        field["args"].as_array().unwrap().is_empty() && !is_composite.any(|found| found)
    };
    let fields = found["__type"]["fields"].as_array().unwrap().iter().filter(is_leaf);
    let names: Vec<&str> = fields.map(|field| field["name"].as_str().unwrap()).collect();
    assert!(names.len() > 1, "{type_name}: {names:?}");
    names.join(" ")
}

/// Objects that only hold data are written as JSON without async-graphql, unless a selected field
/// needs a statement.
#[tokio::test]
async fn a_written_object_equals_the_same_object_resolved_by_async_graphql() {
    let app = TestApp::start().await;
    let ana = app.user("ana");
    for prompt in ["a \"cat\" \u{1F431}\n\\ [sim:images=2]", "a cat [sim:policy]"] {
        let id = ana.submit(prompt).await;
        ana.wait_until_finished(&id).await;
    }
    let mut leaves = std::collections::HashMap::new();
    for name in ["Task", "Image", "Model", "TaskCost", "TaskFailure", "PageInfo"] {
        // The fields that need a statement.
        let fields = leaf_fields(&ana, name).await;
        let written = fields
            .split(' ')
            .filter(|field| !["queuePosition", "etaSeconds", "available"].contains(field));
        leaves.insert(name, written.collect::<Vec<_>>().join(" "));
    }
    let query = |in_task: &str, in_model: &str, in_image: &str| {
        format!(
            "{{ tasks {{ pageInfo {{ {page} }} edges {{ cursor node {{ id }} }} nodes {{
                __typename {task} {in_task}
                model {{ {model} {in_model} }} cost {{ {cost} }} failure {{ {failure} }}
                images {{ {image} small: url(variant: THUMBNAIL) task {{ id {in_image} }} }}
            }} }} }}",
            page = leaves["PageInfo"],
            task = leaves["Task"],
            model = leaves["Model"],
            cost = leaves["TaskCost"],
            failure = leaves["TaskFailure"],
            image = leaves["Image"],
        )
    };
    let written = ana.graphql(&query("", "", ""), json!({})).await;
    let resolving = query("queuePosition", "available", "queuePosition");
    let mut resolved = ana.graphql(&resolving, json!({})).await;
    for task in resolved["tasks"]["nodes"].as_array_mut().unwrap() {
        assert!(task.as_object_mut().unwrap().remove("queuePosition").is_some());
        assert!(task["model"].as_object_mut().unwrap().remove("available").is_some());
        for image in task["images"].as_array_mut().unwrap() {
            assert!(image["task"].as_object_mut().unwrap().remove("queuePosition").is_some());
        }
    }
    assert_eq!(written, resolved);
    assert_eq!(written["tasks"]["nodes"][1]["images"].as_array().unwrap().len(), 1);
    assert!(written["tasks"]["nodes"][0]["failure"]["code"].is_string());
}
