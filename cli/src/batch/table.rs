//! The table of a batch: comma-separated values as spreadsheets write them (RFC 4180).

use crate::failure::Usage;

/// Columns that a table may have; only the first is required. Each except `name` is an option of `generate`.
pub const COLUMNS: [&str; 11] =
    ["prompt", "name", "seed", "bpm", "key", "bars", "meter", "chords", "tracks", "variation", "adherence"];

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

/// Reads a table with a header line. Empty lines are skipped.
///
/// # Errors
/// Returns an error if a quote is not closed, or the header has unknown, repeated or missing columns.
pub fn read(text: &str) -> Result<Vec<Row>, Usage> {
    let mut records = records(text.trim_start_matches('\u{feff}'))?.into_iter();
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

/// The cells of each record, with the line at which it starts.
fn records(text: &str) -> Result<Vec<(usize, Vec<String>)>, Usage> {
    let mut records = Vec::new();
    let mut cells: Vec<String> = Vec::new();
    let mut cell = String::new();
    let (mut line, mut first_line, mut quoted, mut was_quoted) = (1, 1, false, false);
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
            Some('\r') if letters.peek() == Some(&'\n') => {}
            Some(',') => {
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
        let rows = read(text).expect("a table");
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

    #[test]
    fn what_is_no_batch_is_refused_by_what_is_wrong() {
        for (text, hint) in [
            ("", "empty"),
            ("prompt,loudness\ntechno,1\n", "loudness"),
            ("name,bpm\na,1\n", "no prompt"),
            ("prompt,bpm,BPM\n", "twice"),
            ("prompt\n\"techno\n", "line 2"),
        ] {
            let error = read(text).expect_err("no batch").to_string();
            assert!(error.contains(hint), "{text:?}: {error}");
        }
        assert_eq!(read("prompt\ntechno,1,,2\n").expect("a table")[0].surplus(), 2);
    }
}
