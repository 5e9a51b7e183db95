//! XMP packets (ISO 16684-1) with one property, `impasto:record`.

/// What the property's name is short for.
const NAMESPACE: &str = "urn:impasto#";
const PROPERTY: &str = "impasto:record";

/// A packet that holds `record`.
pub(super) fn packet(record: &str) -> Vec<u8> {
    let record = record
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    format!(
        "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\
        <x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\
        <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\
        <rdf:Description rdf:about=\"\" xmlns:impasto=\"{NAMESPACE}\">\
        <{PROPERTY}>{record}</{PROPERTY}>\
        </rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end=\"r\"?>"
    )
    .into_bytes()
}

/// The property in a packet, written here or anew by another program: as an element, or as an attribute.
pub(super) fn record(packet: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(packet).ok()?;
    let (_, after) = text.split_once(PROPERTY)?;
    let value = match after.strip_prefix('=') {
        Some(quoted) => {
            let quote = quoted
                .chars()
                .next()
                .filter(|quote| "'\"".contains(*quote))?;
            quoted[1..].split(quote).next()?
        }
        None => after.split_once('>')?.1.split_once('<')?.0,
    };
    Some(unescaped(value))
}

/// The text that XML writes as `value`.
fn unescaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((plain, after)) = rest.split_once('&') {
        text.push_str(plain);
        let (name, following) = after.split_once(';').unwrap_or((after, ""));
        text.extend(character(name));
        rest = following;
    }
    text + rest
}

fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        number => {
            let number = number.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_programs_make_of_a_packet_is_read() {
        let element = b"<rdf:Description><impasto:record>{&quot;a&quot;: &#39;&#x41;&apos;&lt;}</impasto:record>";
        assert_eq!(record(element).unwrap(), "{\"a\": 'A'<}");
        let attribute = b"<rdf:Description impasto:record='{\"a\": 1 &amp; 2}' b='c'>";
        assert_eq!(record(attribute).unwrap(), "{\"a\": 1 & 2}");
        for other in [
            &b"<rdf:Description/>"[..],
            b"impasto:record",
            b"impasto:record=",
            b"impasto:record>",
            b"\xff\xfe",
        ] {
            assert_eq!(record(other), None);
        }
    }
}
