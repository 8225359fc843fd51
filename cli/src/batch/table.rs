//! The table of a batch: comma-separated values as spreadsheets write them (RFC 4180).

use crate::failure::Usage;

/// Columns that a table may have; only the first is required. Each except `name` is an option of `generate`.
pub const COLUMNS: [&str; 15] = [
    "prompt",
    "name",
    "seed",
    "bpm",
    "key",
    "bars",
    "meter",
    "chords",
    "tracks",
    "variation",
    "adherence",
    "candidates",
    "song",
    "form",
    "length",
];

/// One row of the table, by column; empty cells are absent.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Line at which the row starts, counted from 1.
    pub line: usize,
    cells: Vec<(&'static str, String)>,
    /// Cells beyond the header's last column.
    surplus: usize,
}

impl Row {
    /// The value of a column.
    pub fn get(&self, column: &str) -> Option<&str> {
        self.cells.iter().find(|(name, _)| *name == column).map(|(_, text)| text.as_str())
    }

    /// Number of cells beyond the header's columns.
    pub fn surplus(&self) -> usize {
        self.surplus
    }
}

/// Reads a table with a header line, as spreadsheets of any locale write it: in UTF-8, UTF-16 or Windows-1252, with commas,
/// semicolons or tabs between cells. Empty lines are skipped.
///
/// # Errors
/// Returns an error if a quote is not closed, or the header is not that of a batch.
pub fn read(bytes: &[u8]) -> Result<Vec<Row>, Usage> {
    let text = decode(bytes);
    let (text, told) = separator_line(&text);
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let separator = told.unwrap_or_else(|| separator_of(first));
    let mut records = records(text, separator, 1 + usize::from(told.is_some()))?.into_iter();
    let (_, header) = records.next().ok_or_else(|| Usage("the table is empty".to_owned()))?;
    let mut columns: Vec<&'static str> = Vec::new();
    for name in &header {
        let name = name.trim().to_lowercase();
        let known = COLUMNS.into_iter().find(|column| *column == name);
        match known {
            Some(column) if columns.contains(&column) => {
                return Err(Usage(format!("the table's header names {column} twice")));
            }
            Some(column) => columns.push(column),
            None => {
                let known = COLUMNS.join(", ");
                return Err(Usage(format!("the table's header has {name:?}; columns are {known}")));
            }
        }
    }
    if !columns.contains(&"prompt") {
        return Err(Usage("the table's header has no prompt".to_owned()));
    }
    let rows = records.map(|(line, cells)| {
        let surplus = cells.iter().skip(columns.len()).filter(|cell| !cell.trim().is_empty()).count();
        let pairs = columns.iter().copied().zip(cells.iter().map(|cell| cell.trim().to_owned()));
        Row { line, cells: pairs.filter(|(_, cell)| !cell.is_empty()).collect(), surplus }
    });
    Ok(rows.collect())
}

/// Normalises a number in a numeric column: a decimal comma becomes a point, and a percentage becomes a fraction.
pub fn plain_number(column: &str, cell: &str) -> String {
    if !["bpm", "variation", "adherence"].contains(&column) {
        return cell.to_owned();
    }
    let digits: String = cell.chars().filter(|letter| !letter.is_whitespace()).collect();
    let digits = digits.replace(',', ".");
    let share =
        digits.strip_suffix('%').filter(|_| column != "bpm").and_then(|digits| digits.parse::<f64>().ok());
    share.map_or(digits, |percent| (percent / 100.0).to_string())
}

/// Whether a cell means yes, as people write it; `None` if it means neither yes nor no.
pub fn yes_or_no(cell: &str) -> Option<bool> {
    match cell.trim().to_lowercase().as_str() {
        "yes" | "y" | "true" | "1" | "x" => Some(true),
        "no" | "n" | "false" | "0" => Some(false),
        _ => None,
    }
}

/// The text of a file: by its byte order mark, by the zeros of UTF-16 in Latin letters, or else what is no UTF-8 is
/// Windows-1252.
fn decode(bytes: &[u8]) -> String {
    let zeros = |from: usize| bytes.iter().skip(from).step_by(2).take(64).filter(|byte| **byte == 0).count();
    let encoding = match encoding_rs::Encoding::for_bom(bytes) {
        Some((encoding, _)) => encoding,
        None if zeros(1) > 2 && zeros(0) == 0 => encoding_rs::UTF_16LE,
        None if zeros(0) > 2 && zeros(1) == 0 => encoding_rs::UTF_16BE,
        None if std::str::from_utf8(bytes).is_ok() => encoding_rs::UTF_8,
        None => encoding_rs::WINDOWS_1252,
    };
    // Old spreadsheets end lines with a carriage return alone.
    encoding.decode(bytes).0.replace("\r\n", "\n").replace('\r', "\n")
}

/// The text without a first line like `sep=;`, which some spreadsheets write, and the separator that it names.
fn separator_line(text: &str) -> (&str, Option<char>) {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let told = first.trim_matches('"').strip_prefix("sep=").map(|told| told.chars().collect::<Vec<_>>());
    match told.as_deref() {
        Some([separator]) => (rest, Some(*separator)),
        _ => (text, None),
    }
}

/// The separator of a header: the one that splits it into the most column names.
fn separator_of(header: &str) -> char {
    let known = |separator: char| {
        let names = header.split(separator).map(|name| name.trim().trim_matches('"').to_lowercase());
        names.filter(|name| COLUMNS.contains(&name.as_str())).count()
    };
    // Commas unless another separator fits better.
    ['\t', ';', ','].into_iter().max_by_key(|separator| known(*separator)).unwrap_or(',')
}

/// The cells of each record, with the line that it starts at, the first being `line`.
fn records(text: &str, separator: char, mut line: usize) -> Result<Vec<(usize, Vec<String>)>, Usage> {
    let mut records = Vec::new();
    let mut cells: Vec<String> = Vec::new();
    let mut cell = String::new();
    let (mut first_line, mut quoted, mut was_quoted) = (line, false, false);
    let mut letters = text.chars().peekable();
    loop {
        let letter = letters.next();
        if letter == Some('\n') {
            line += 1;
        }
        match letter {
            Some('"') if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            Some('"') if quoted => quoted = false,
            Some(letter) if quoted => cell.push(letter),
            Some('"') if cell.trim().is_empty() && !was_quoted => {
                cell.clear();
                (quoted, was_quoted) = (true, true);
            }
            Some(letter) if letter == separator => {
                cells.push(std::mem::take(&mut cell));
                was_quoted = false;
            }
            Some('\n') | None => {
                if quoted {
                    return Err(Usage(format!("the quote in line {first_line} of the table is not closed")));
                }
                cells.push(std::mem::take(&mut cell));
                was_quoted = false;
                let record = std::mem::take(&mut cells);
                if record.iter().any(|cell| !cell.trim().is_empty()) {
                    records.push((first_line, record));
                }
                first_line = line;
                if letter.is_none() {
                    return Ok(records);
                }
            }
            Some(letter) => cell.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_read_as_spreadsheets_write_them() {
        let text = "\u{feff}Prompt,bpm,chords\r\n\"dark techno, with \"\"acid\"\" bass\",132,\r\n\r\n jazz , , Am F\r\n\
                    \"two\nlines\",90,\"C, G\"";
        let rows = read(text.as_bytes()).expect("a table");
        let cells: Vec<_> =
            rows.iter().map(|row| (row.line, row.get("prompt"), row.get("bpm"), row.get("chords"))).collect();
        assert_eq!(
            cells,
            [
                (2, Some("dark techno, with \"acid\" bass"), Some("132"), None),
                (4, Some("jazz"), None, Some("Am F")),
                (5, Some("two\nlines"), Some("90"), Some("C, G")),
            ]
        );
    }

    /// Each is a file as written by a spreadsheet.
    #[test]
    fn tables_of_every_country_are_read() {
        let utf16 = |text: &str, big: bool| -> Vec<u8> {
            let units = text
                .encode_utf16()
                .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() });
            units.collect()
        };
        let comma = "prompt,name,bpm\ntechno,St\u{fc}ck,120\n";
        for (kind, bytes) in [
            ("semicolons", "prompt;name;bpm\r\ntechno;St\u{fc}ck;120\r\n".as_bytes().to_vec()),
            ("carriage returns", "prompt,name,bpm\rtechno,St\u{fc}ck,120\r".as_bytes().to_vec()),
            ("tabs", "prompt\tname\tbpm\ntechno\tSt\u{fc}ck\t120\n".as_bytes().to_vec()),
            (
                "a line that names the separator",
                "sep=;\r\nprompt;name;bpm\r\ntechno;St\u{fc}ck;120".as_bytes().to_vec(),
            ),
            (
                "quoted names",
                "\"prompt\";\"name\";\"bpm\"\n\"techno\";\"St\u{fc}ck\";\"120\"\n".as_bytes().to_vec(),
            ),
            ("Windows-1252", b"prompt,name,bpm\ntechno,St\xfcck,120\n".to_vec()),
            ("UTF-16 with a mark", [vec![0xff, 0xfe], utf16(comma, false)].concat()),
            ("UTF-16 with the other mark", [vec![0xfe, 0xff], utf16(comma, true)].concat()),
            ("UTF-16", utf16(comma, false)),
            ("UTF-16, the other way", utf16(comma, true)),
        ] {
            let rows = read(&bytes).unwrap_or_else(|error| panic!("{kind}: {error}"));
            let cells = ["prompt", "name", "bpm"].map(|column| rows[0].get(column));
            assert_eq!(cells, [Some("techno"), Some("St\u{fc}ck"), Some("120")], "{kind}");
            assert_eq!((rows.len(), rows[0].surplus()), (1, 0), "{kind}");
        }
        // A single column has no separator at all.
        assert_eq!(read(b"prompt\ntechno; hard\n").expect("a table")[0].get("prompt"), Some("techno; hard"));
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (column, cell, plain) in [
            ("bpm", "127,5", "127.5"),
            ("bpm", "1e2", "1e2"),
            ("variation", "0,5", "0.5"),
            ("variation", ".5", ".5"),
            ("adherence", "50 %", "0.5"),
            ("bpm", "50%", "50%"),
            ("chords", "C, G", "C, G"),
        ] {
            assert_eq!(plain_number(column, cell), plain, "{column}");
        }
    }

    #[test]
    fn yes_and_no_are_read_as_people_write_them() {
        assert!(["yes", "Y", " TRUE", "1", "x"].into_iter().all(|cell| yes_or_no(cell) == Some(true)));
        assert!(["no", "N", "false ", "0"].into_iter().all(|cell| yes_or_no(cell) == Some(false)));
        assert_eq!(yes_or_no("intro 8"), None);
    }

    #[test]
    fn what_is_no_batch_is_refused_by_what_is_wrong() {
        for (text, hint) in [
            ("", "empty"),
            ("prompt,loudness\ntechno,1\n", "loudness"),
            ("name,bpm\na,1\n", "no prompt"),
            ("prompt,bpm,BPM\n", "twice"),
            ("prompt\n\"techno\n", "line 2"),
        ] {
            let error = read(text.as_bytes()).expect_err("no batch").to_string();
            assert!(error.contains(hint), "{text:?}: {error}");
        }
        assert_eq!(read(b"prompt\ntechno,1,,2\n").expect("a table")[0].surplus(), 2);
    }
}
