//! The images to edit, fetched as the providers fetch them.

use url::{Host, Url};

use super::world::World;

/// Whether every image on this machine can be fetched; others are taken for granted.
pub(super) async fn can_be_had(world: &World, links: &[String]) -> bool {
    world.note_inputs(links);
    for link in links.iter().filter_map(|link| Url::parse(link).ok()).filter(is_here) {
        let answer = world.http().get(link).send().await;
        let is_image = answer.is_ok_and(|answer| {
            let content_type = answer.headers().get("content-type");
            let starts = |value: &axum::http::HeaderValue| value.as_bytes().starts_with(b"image/");
            answer.status().is_success() && content_type.is_some_and(starts)
        });
        if !is_image {
            return false;
        }
    }
    true
}

fn is_here(link: &Url) -> bool {
    match link.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
