//! Negotiates the media type of a response by the header `accept` (RFC 9110, 12.5.1).

use mediatype::{MediaType, MediaTypeList, ReadParams, names};

use crate::OperationKind;
use http_parts::quality::thousandths;

/// The media types of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/graphql-response+json`: its HTTP status reflects the result.
    ResponseJson,
    /// `application/json`, for older clients.
    Json,
    /// `text/event-stream`: GraphQL over SSE, distinct connections mode.
    EventStream,
    /// `multipart/mixed`: Apollo's multipart subscription protocol.
    Multipart,
}

const RESPONSE_MEDIA: [Media; 3] = [Media::ResponseJson, Media::Json, Media::EventStream];
const STREAMS: [Media; 2] = [Media::EventStream, Media::Multipart];

impl Media {
    const fn essence(self) -> &'static str {
        match self {
            Self::ResponseJson => "application/graphql-response+json",
            Self::Json => "application/json",
            Self::EventStream => "text/event-stream",
            Self::Multipart => "multipart/mixed",
        }
    }

    /// Clients that accept anything expect plain JSON.
    const fn matches_wildcard(self, range: &str) -> bool {
        matches!(self, Self::Json) && matches!(range.as_bytes(), b"*/*" | b"application/*")
    }
}

/// The media ranges that a client accepts, each with its quality in thousandths.
#[derive(Debug, Default)]
pub(super) struct AcceptHeader {
    ranges: Vec<(String, u16)>,
}

impl AcceptHeader {
    /// Reads all `accept` headers; ignores invalid media ranges.
    pub(super) fn parse<'a>(headers: impl Iterator<Item = &'a str>) -> Self {
        let ranges = headers.flat_map(|header| MediaTypeList::new(header).flatten());
        let ranges =
            ranges.map(|media| (media.essence().to_string().to_ascii_lowercase(), quality(&media)));
        Self { ranges: ranges.collect() }
    }

    /// The media type for an operation; `None` when the client accepts none that this operation
    /// supports.
    pub(super) fn choose(&self, kind: OperationKind) -> Option<Media> {
        match kind {
            OperationKind::Subscription => self.best(&STREAMS),
            OperationKind::Query | OperationKind::Mutation => self.best(&RESPONSE_MEDIA),
        }
    }

    /// The media type for an error before the operation is known.
    pub(super) fn for_errors(&self) -> Option<Media> {
        self.best(&RESPONSE_MEDIA)
    }

    /// The media type with the highest quality; the first one of equal quality.
    fn best(&self, candidates: &[Media]) -> Option<Media> {
        let rated = candidates.iter().map(|media| (*media, self.quality(*media)));
        let best = rated.rev().max_by_key(|(_, quality)| *quality)?;
        (best.1 > 0).then_some(best.0)
    }

    /// An exact match has precedence over a wildcard.
    fn quality(&self, media: Media) -> u16 {
        if self.ranges.is_empty() {
            return if media == Media::Json { 1_000 } else { 0 };
        }
        let exact = self.ranges.iter().find(|(range, _)| range == media.essence());
        let found =
            exact.or_else(|| self.ranges.iter().find(|(range, _)| media.matches_wildcard(range)));
        found.map_or(0, |(_, quality)| *quality)
    }
}

fn quality(media: &MediaType<'_>) -> u16 {
    thousandths(media.get_param(names::Q).as_ref().map(mediatype::Value::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(accept: &str, kind: OperationKind) -> Option<Media> {
        let headers = Some(accept).filter(|accept| !accept.is_empty());
        AcceptHeader::parse(headers.into_iter()).choose(kind)
    }

    #[test]
    fn the_media_type_with_the_highest_quality_is_chosen() {
        let cases = [
            ("", Some(Media::Json)),
            ("*/*", Some(Media::Json)),
            ("application/*;q=0.2", Some(Media::Json)),
            ("application/json", Some(Media::Json)),
            ("application/graphql-response+json", Some(Media::ResponseJson)),
            (
                "application/graphql-response+json, application/json;q=0.9",
                Some(Media::ResponseJson),
            ),
            ("application/graphql-response+json;q=0.5, application/json", Some(Media::Json)),
            ("APPLICATION/JSON; charset=utf-8", Some(Media::Json)),
            ("text/event-stream", Some(Media::EventStream)),
            ("text/event-stream;q=0.4, */*;q=0.1", Some(Media::EventStream)),
            ("application/json;q=0, */*", None),
            ("text/html", None),
        ];
        for (accept, media) in cases {
            assert_eq!(chosen(accept, OperationKind::Query), media, "{accept}");
        }
    }

    #[test]
    fn a_subscription_requires_an_accepted_stream_type() {
        let cases = [
            ("text/event-stream", Some(Media::EventStream)),
            ("text/event-stream, multipart/mixed", Some(Media::EventStream)),
            (
                "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json",
                Some(Media::Multipart),
            ),
            ("*/*", None),
            ("", None),
            ("application/json", None),
        ];
        for (accept, media) in cases {
            assert_eq!(chosen(accept, OperationKind::Subscription), media, "{accept}");
        }
    }
}
