//! Lines out of a stream, each bounded: what a replica writes must not fill our memory.

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

use super::log_book::MAX_LINE_BYTES;

/// Hands every line of a stream to `take`, cut where it is too long, until the stream ends.
pub(super) async fn read(stream: impl AsyncRead + Unpin, mut take: impl FnMut(String)) {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    // A pipe that cannot be read has ended for us.
    while let Ok(bytes) = reader.fill_buf().await {
        if bytes.is_empty() {
            break;
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let part = &bytes[..end.unwrap_or(bytes.len())];
        let room = MAX_LINE_BYTES.saturating_sub(line.len());
        line.extend_from_slice(&part[..part.len().min(room)]);
        let num_read = part.len() + usize::from(end.is_some());
        reader.consume(num_read);
        if end.is_some() {
            take(text(&line));
            line.clear();
        }
    }
    if !line.is_empty() {
        take(text(&line));
    }
}

/// Whoever shows a line shows it on a terminal, which must not take orders from it.
fn text(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    text.chars().filter(|c| !c.is_control()).collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        read(bytes, |line| lines.push(line)).await;
        lines
    }

    #[tokio::test]
    async fn lines_come_one_by_one_with_or_without_a_last_end() {
        assert_eq!(lines(b"one\ntwo\r\n\nthree").await, ["one", "two", "", "three"]);
        assert_eq!(lines(b"").await, Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_long_line_is_cut_and_the_next_one_is_whole() {
        let long = [vec![b'x'; 100_000], b"\nnext\n".to_vec()].concat();
        let lines = lines(&long).await;
        assert_eq!(lines[0].len(), MAX_LINE_BYTES);
        assert_eq!(lines[1], "next");
    }

    #[tokio::test]
    async fn what_is_no_text_does_no_harm() {
        assert_eq!(lines(b"\x1b[31mred\xff\x00\n").await, ["[31mred\u{fffd}"]);
    }
}
