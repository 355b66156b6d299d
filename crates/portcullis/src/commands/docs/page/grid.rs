//! Tables as aligned columns.

use crate::output::wrap;

/// What stands between two columns.
const GAP: usize = 2;
/// Columns do not become narrower than this to make room for others.
const COLUMN_MIN: usize = 14;

/// Rows as aligned columns; the first is the heading. Where the width is not enough, the widest columns
/// are broken into lines.
pub(super) fn grid(rows: &[Vec<String>], width: usize) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let longest = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let mut widths: Vec<usize> = (0..count).map(longest).collect();
    let room = width.saturating_sub(GAP * count.saturating_sub(1));
    while widths.iter().sum::<usize>() > room {
        let Some(widest) = widths.iter_mut().max().filter(|w| **w > COLUMN_MIN) else {
            break;
        };
        *widest -= 1;
    }
    let mut lines = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        lines.extend(row_lines(row, &widths));
        if at == 0 {
            let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
            lines.push(rules.join(&" ".repeat(GAP)));
        }
    }
    lines.join("\n")
}

fn row_lines(row: &[String], widths: &[usize]) -> Vec<String> {
    let cells: Vec<Vec<String>> = row
        .iter()
        .zip(widths)
        .map(|(cell, width)| wrap(cell, *width))
        .collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    (0..height)
        .map(|line| {
            let mut out = String::new();
            for (cell, width) in cells.iter().zip(widths) {
                let text = cell.get(line).map_or("", String::as_str);
                out.push_str(text);
                let blanks = (width + GAP).saturating_sub(text.chars().count());
                out.push_str(&" ".repeat(blanks));
            }
            out.trim_end().to_owned()
        })
        .collect()
}
