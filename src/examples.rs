//! The example operations in `GraphiQL`.

use serde_json::json;

use crate::http::Example;

/// All examples, in the order of the tabs.
#[must_use]
pub fn all() -> Vec<Example> {
    vec![
        Example {
            name: "Generate an image and wait for it",
            query: GENERATE,
            variables: Some(json!({ "prompt": "a tin robot watering basil" })),
        },
        Example { name: "Subscribe to task events", query: WATCH, variables: None },
        Example { name: "Task history", query: HISTORY, variables: None },
        Example { name: "Models and remaining credits", query: MODELS, variables: None },
    ]
}

const GENERATE: &str = "mutation Generate($prompt: String!) {
  generateImages(input: { prompt: $prompt, waitSeconds: 30 }) {
    __typename
    ... on TaskAccepted {
      creditsLow
      task {
        id
        status
        images {
          url
          width
          height
        }
        failure {
          message
          advice
        }
      }
    }
    ... on UserError {
      message
    }
  }
}
";

const WATCH: &str = "subscription Watch {
  taskEvents {
    cursor
    at
    status
    task {
      id
      prompt
      images {
        url
      }
    }
  }
}
";

const HISTORY: &str = "query History {
  tasks(first: 10) {
    nodes {
      id
      status
      prompt
      cost {
        settled
      }
      images {
        url(variant: THUMBNAIL)
      }
      timeline {
        at
        kind
        status
        detail
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
";

const MODELS: &str = "query Models {
  models {
    id
    available
    creditsPerImage
    maxImages
    aspectRatios
    resolutions
  }
  credits {
    providers {
      provider
      remaining
      low
    }
  }
}
";
