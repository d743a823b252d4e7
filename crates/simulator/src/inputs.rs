//! Fetches the images to edit, as the real providers do.

use url::{Host, Url};

use super::state::SimulatorState;

/// Whether every image on this machine can be fetched. Images on other hosts are not checked.
pub(super) async fn are_fetchable(state: &SimulatorState, links: &[String]) -> bool {
    state.record_inputs(links);
    for link in links.iter().filter_map(|link| Url::parse(link).ok()).filter(is_on_this_machine) {
        let response = state.http().get(link).send().await;
        let is_image = response.is_ok_and(|response| {
            let content_type = response.headers().get("content-type");
            let starts = |value: &axum::http::HeaderValue| value.as_bytes().starts_with(b"image/");
            response.status().is_success() && content_type.is_some_and(starts)
        });
        if !is_image {
            return false;
        }
    }
    true
}

fn is_on_this_machine(link: &Url) -> bool {
    match link.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
