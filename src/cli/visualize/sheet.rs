//! The contact sheet of a grid: how many pictures stand in a row, and how large they are there.

use impasto::image::{Picture, contact_sheet};

use crate::cli::pictures::LONGEST_SIDE_OF_SHEET;

/// Pictures in a row, at most, unless the sheet would be too high.
const COLUMNS: usize = 8;
/// Pixels around a picture, and beside all of them, with the largest letters there are.
const AROUND: [usize; 2] = [8, 40];
const BESIDE: usize = 64;

/// The places of a sheet.
#[derive(Clone, Copy)]
pub struct Places {
    columns: usize,
    /// W and H of the pictures, and of what is shown of each.
    size: [usize; 2],
    shown: [usize; 2],
}

impl Places {
    /// For so many pictures of `size`, W and H.
    pub fn of(number: usize, size: [usize; 2]) -> Self {
        Self::within(LONGEST_SIDE_OF_SHEET, number, size)
    }

    /// The same on a sheet of which no side is longer than `longest`: with more pictures in a row if it is too high,
    /// and with smaller ones if that is not enough.
    fn within(longest: usize, number: usize, size: [usize; 2]) -> Self {
        let square = (number as f64).sqrt().ceil() as usize;
        let room = |columns: usize| {
            let along = [columns.max(1), number.div_ceil(columns.max(1)).max(1)];
            [0, 1].map(|axis| {
                let place = longest.saturating_sub(BESIDE) / along[axis];
                place.saturating_sub(AROUND[axis]).max(1)
            })
        };
        let fits = |columns: &usize| room(*columns)[0] >= size[0] && room(*columns)[1] >= size[1];
        let columns = (COLUMNS.min(square)..=square).find(fits);
        let columns = columns.unwrap_or(square);
        let room = room(columns);
        let shares = [0, 1].map(|axis| room[axis] as f64 / size[axis] as f64);
        let share = shares[0].min(shares[1]).min(1.0);
        let shown = size.map(|side| ((side as f64 * share) as usize).max(1));
        Self {
            columns,
            size,
            shown,
        }
    }

    /// What is to be said of a sheet that shows its pictures smaller than they are painted.
    pub fn note(&self) -> Option<String> {
        let [width, height] = self.shown;
        (self.shown != self.size).then(|| {
            format!(
                "note: the pictures are {width}×{height} on the sheet, so that no side of it has more than {LONGEST_SIDE_OF_SHEET} pixels; show fewer for their full size"
            )
        })
    }

    /// The sheet of `pictures` with their labels, under a `title`.
    pub fn sheet(
        &self,
        title: &str,
        labels: impl Iterator<Item = String>,
        pictures: &[Picture],
    ) -> Picture {
        let [width, height] = self.shown;
        let shown = pictures
            .iter()
            .map(|picture| match self.shown == self.size {
                true => picture.clone(),
                false => picture.resized(width, height),
            });
        let cells: Vec<(String, Picture)> = labels.zip(shown).collect();
        contact_sheet(title, &cells, self.columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(places: Places, number: usize) -> Picture {
        let [width, height] = places.size;
        let picture = Picture {
            width,
            height,
            rgb: vec![0.5; 3 * width * height],
        };
        let labels = (0..number).map(|label| label.to_string());
        places.sheet("relu3_1", labels, &vec![picture; number])
    }

    #[test]
    fn a_sheet_is_never_larger_than_it_may_be() {
        for (number, size) in [(1, 40), (9, 40), (60, 40), (100, 40), (30, 170), (2, 900)] {
            let places = Places::within(700, number, [size; 2]);
            let Picture { width, height, .. } = sheet(places, number);
            assert!(width <= 700 && height <= 700, "{number}: {width}×{height}");
            assert!(3 * places.shown[0] > size.min(100), "{number}");
        }
    }

    #[test]
    fn pictures_are_made_smaller_only_where_more_in_a_row_do_not_help() {
        let shown = |number, side| {
            let places = Places::of(number, [side; 2]);
            (places.columns, places.shown[0], places.note().is_some())
        };
        assert_eq!(shown(3, 128), (2, 128, false));
        assert_eq!(shown(256, 128), (8, 128, false));
        assert_eq!(shown(1024, 128), (22, 128, false));
        assert_eq!(shown(256, 512), (16, 468, true));
    }
}
