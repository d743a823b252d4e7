//! How a file travels, negotiated by the header `accept-encoding` (RFC 9110, 12.5.3).

use std::cmp::Reverse;

use super::quality::thousandths;

/// The codings that files are kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// The smallest.
    Brotli,
    /// What everything reads.
    Gzip,
    /// As it is.
    Identity,
}

impl Coding {
    /// The best first.
    const ALL: [Self; 3] = [Self::Brotli, Self::Gzip, Self::Identity];

    /// Its name in headers.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
            Self::Identity => "identity",
        }
    }

    /// What the name of a file that is kept so ends with.
    pub(super) const fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
            Self::Identity => "",
        }
    }
}

/// What a client takes, what it likes best first, the smallest first of equals. A client that says
/// nothing gets files as they are: it may be one that decodes nothing.
pub(super) fn accepted<'a>(headers: impl Iterator<Item = &'a str>) -> Vec<Coding> {
    let ranges: Vec<_> = headers.flat_map(|header| header.split(',')).filter_map(range).collect();
    let quality = |coding: Coding| {
        let of = |name| ranges.iter().find(|(range, _)| range == name).map(|(_, quality)| *quality);
        // What is not mentioned is not taken, but for the file as it is, in case of need.
        of(coding.name()).or_else(|| of("*")).unwrap_or(u16::from(coding == Coding::Identity))
    };
    let mut codings: Vec<Coding> =
        Coding::ALL.into_iter().filter(|coding| quality(*coding) > 0).collect();
    codings.sort_by_key(|coding| Reverse(quality(*coding)));
    codings
}

/// A coding, or `*`, with its quality.
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
    fn a_client_gets_the_smallest_of_what_it_likes_best() {
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
                accepted([header].into_iter()).into_iter().map(Coding::name).collect();
            assert_eq!(names.join(" "), expected, "{header}");
        }
    }

    #[test]
    fn several_headers_are_one_list_and_none_is_silence() {
        assert_eq!(accepted(["gzip", "br"].into_iter())[0], Coding::Brotli);
        assert_eq!(accepted(std::iter::empty()), [Coding::Identity]);
    }
}
