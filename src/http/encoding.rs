//! Negotiates the content coding of files by the header `accept-encoding` (RFC 9110, 12.5.3).

use std::cmp::Reverse;

use http_parts::quality::thousandths;

/// The content codings in which files are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// Brotli: the smallest files.
    Brotli,
    /// gzip: every HTTP client supports it.
    Gzip,
    /// Not encoded.
    Identity,
}

impl Coding {
    /// Ordered from the smallest files to the largest.
    const ALL: [Self; 3] = [Self::Brotli, Self::Gzip, Self::Identity];

    /// The token in the headers `accept-encoding` and `content-encoding`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
            Self::Identity => "identity",
        }
    }

    /// The suffix of the file names in this coding.
    pub(super) const fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
            Self::Identity => "",
        }
    }
}

/// The codings that a client accepts, ordered by quality and then by size. A client without the
/// header gets files that are not encoded: it may not be able to decode any coding.
pub(super) fn accepted_codings<'a>(headers: impl Iterator<Item = &'a str>) -> Vec<Coding> {
    let ranges: Vec<_> = headers.flat_map(|header| header.split(',')).filter_map(range).collect();
    let quality = |coding: Coding| {
        let of = |name| ranges.iter().find(|(range, _)| range == name).map(|(_, quality)| *quality);
        // A coding that is not mentioned is not accepted. `identity` remains acceptable (RFC 9110,
        // 12.5.3).
        of(coding.name()).or_else(|| of("*")).unwrap_or(u16::from(coding == Coding::Identity))
    };
    let mut codings: Vec<Coding> =
        Coding::ALL.into_iter().filter(|coding| quality(*coding) > 0).collect();
    codings.sort_by_key(|coding| Reverse(quality(*coding)));
    codings
}

/// Parses one element of the header: a coding or `*`, with its quality.
fn range(text: &str) -> Option<(String, u16)> {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().filter(|name| !name.is_empty())?;
    let quality = parts.find_map(|part| {
        let (name, quality) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| quality.trim())
    });
    Some((name.to_ascii_lowercase(), thousandths(quality)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_of_the_preferred_codings_is_chosen() {
        let cases = [
            ("", "identity"),
            ("gzip, deflate, br, zstd", "br gzip identity"),
            ("gzip", "gzip identity"),
            ("GZip;q=1.0, BR", "br gzip identity"),
            ("deflate", "identity"),
            ("*", "br gzip identity"),
            ("br;q=0, *", "gzip identity"),
            ("br;q=0.5, gzip;Q=0.8", "gzip br identity"),
            ("br ; q=0.000 , gzip ; q = 0.001", "gzip identity"),
            ("gzip, identity;q=0", "gzip"),
            ("gzip, *;q=0", "gzip"),
            ("identity, *;q=0", "identity"),
            ("*;q=0", ""),
            ("identity;q=1, br;q=0.5", "identity br"),
            (",, ;q=1, br;q=nonsense", "br identity"),
        ];
        for (header, expected) in cases {
            let names: Vec<_> =
                accepted_codings([header].into_iter()).into_iter().map(Coding::name).collect();
            assert_eq!(names.join(" "), expected, "{header}");
        }
    }

    #[test]
    fn several_headers_are_one_list_and_no_header_means_identity() {
        assert_eq!(accepted_codings(["gzip", "br"].into_iter())[0], Coding::Brotli);
        assert_eq!(accepted_codings(std::iter::empty()), [Coding::Identity]);
    }
}
