//! A table in a file that keeps each column by itself.

mod kind;

use std::cell::Cell;

pub(super) use self::kind::Kind;
use super::classes::Classes;
use super::columns::choose;
use super::format::{Entries, ReadOptions, Survey};
use super::{DataError, Dataset};

/// Entries that are read before the next look at whether reading is to end.
const ENTRIES: u64 = 1 << 14;
/// What the columns are called that pandas keeps the numbers of rows in: this, a number, and `__`.
const INDEX: &str = "__index_level_";

/// What a row has in a column.
pub(super) enum Entry<'a> {
    /// Nothing.
    Null,
    /// A real number, which may not be finite.
    Real(f64),
    /// An integer or a boolean.
    Whole(i128),
    /// Text.
    Text(&'a str),
    /// Bytes that are no text in UTF-8.
    Bytes,
}

/// Hears of each entry of a column.
pub(super) type Take<'a> = dyn FnMut(Entry) -> Result<(), DataError> + 'a;

/// The columns of a file, of which each can be read by itself.
pub(super) trait Columns {
    /// The file, as errors name it.
    fn file(&self) -> &str;
    /// The number of rows.
    fn rows(&self) -> usize;
    /// What the column holds.
    fn kind(&self, at: usize) -> Kind;
    /// Hands each entry of the column of this name to `take`, in the order of rows; there are as many as rows.
    fn entries(&self, at: usize, name: &str, take: &mut Take) -> Result<(), DataError>;
}

/// A table's columns and their names.
pub(super) struct Table<'a, C> {
    options: &'a ReadOptions<'a>,
    columns: C,
    header: Vec<String>,
    /// Entries that were read, of those that are to be.
    done: Cell<u64>,
    of: u64,
}

impl<'a, C: Columns> Table<'a, C> {
    /// Columns of these names; those in which pandas keeps the numbers of rows have none.
    ///
    /// # Errors
    ///
    /// [`DataError::Empty`] without rows.
    pub(super) fn new(columns: C, mut header: Vec<String>, options: &'a ReadOptions<'a>) -> Result<Self, DataError> {
        if columns.rows() == 0 {
            return Err(DataError::Empty { file: columns.file().into() });
        }
        header.iter_mut().filter(|name| name.starts_with(INDEX)).for_each(String::clear);
        Ok(Self { options, columns, header, done: Cell::new(0), of: 0 })
    }

    /// The data set of the columns that are asked for.
    pub(super) fn read(mut self) -> Result<Dataset, DataError> {
        let (name, rows) = (self.columns.file().to_owned(), self.columns.rows());
        let [x, y] = choose(&name, &self.header, self.options)?;
        let by_class = self.options.one_hot && y.len() == 1;
        self.of = (rows as u64).saturating_mul((x.len() + y.len()) as u64);
        x.iter().try_for_each(|at| self.check(*at, false))?;
        y.iter().try_for_each(|at| self.check(*at, by_class))?;
        let what = format!("{rows} × {} numbers", x.len() + y.len());
        DataError::require_memory(&name, &what, rows as u128 * (x.len() + 2 * y.len()) as u128, 8)?;
        let inputs = self.numbers(&x)?;
        let data = if by_class {
            Dataset::of_classes(&name, inputs, x.len(), self.classes(y[0])?)?
        } else {
            let targets = self.numbers(&y)?;
            Dataset::new(&name, inputs, x.len(), targets, y.len(), None)?
        };
        let header = &mut self.header;
        let mut names = |columns: &[usize]| columns.iter().map(|at| std::mem::take(&mut header[*at])).collect();
        let (input_names, target_names) = (names(&x), names(&y));
        Ok(Dataset { input_names, target_names, ..data })
    }

    /// What each column holds, and which would be read.
    pub(super) fn survey(mut self) -> Result<Survey, DataError> {
        let [inputs, targets] = choose(self.columns.file(), &self.header, self.options)?;
        self.of = (self.columns.rows() as u64).saturating_mul(self.header.len() as u64);
        let mut entries = vec![Entries::default(); self.header.len()];
        for (at, entries) in entries.iter_mut().enumerate() {
            if matches!(self.columns.kind(at), Kind::Other { .. }) {
                continue;
            }
            self.column(at, &mut |_, entry| {
                match entry {
                    Entry::Null => entries.holes += 1,
                    Entry::Real(value) if !value.is_finite() => entries.texts += 1,
                    Entry::Real(_) | Entry::Whole(_) => entries.numbers += 1,
                    Entry::Text(_) | Entry::Bytes => entries.texts += 1,
                }
                Ok(())
            })?;
        }
        Ok(Survey { names: self.header, entries, inputs, targets })
    }

    /// Refuses a column that holds no numbers, nor text where that is wanted.
    fn check(&self, at: usize, text: bool) -> Result<(), DataError> {
        let (what, hint) = match self.columns.kind(at) {
            Kind::Numbers => return Ok(()),
            Kind::Text if text => return Ok(()),
            Kind::Text => (
                "text",
                "leave the column out of `inputs` and `targets`, or name it as the one target, of classes, with `one_hot = true`",
            ),
            Kind::Other { what, hint } => (what, hint),
        };
        let (file, column) = (self.columns.file().into(), self.header[at].clone());
        Err(DataError::Column { file, column, problem: format!("holds {what}"), hint })
    }

    /// Rows of the numbers in these columns.
    fn numbers(&self, columns: &[usize]) -> Result<Vec<f64>, DataError> {
        let mut values = vec![0.0; self.columns.rows() * columns.len()];
        for (place, at) in columns.iter().enumerate() {
            self.column(*at, &mut |row, entry| {
                values[row * columns.len() + place] = self.number(row, *at, &entry)?;
                Ok(())
            })?;
        }
        Ok(values)
    }

    /// The classes in this column.
    fn classes(&self, at: usize) -> Result<Classes, DataError> {
        let mut classes = Classes::default();
        self.column(at, &mut |row, entry| {
            let label = match entry {
                Entry::Text(text) => text.to_owned(),
                Entry::Bytes => {
                    return Err(self.bad(row, at, &"bytes", "text in UTF-8", "write the column as text in UTF-8"));
                }
                entry => self.number(row, at, &entry)?.to_string(),
            };
            let hint = "name a class in every row, or drop those without one";
            classes.push(&label).map_err(|wanted| self.bad(row, at, &label, wanted, hint))
        })?;
        Ok(classes)
    }

    /// Hands each entry of a column to `take`, with its row from 0.
    fn column(&self, at: usize, take: &mut dyn FnMut(usize, Entry) -> Result<(), DataError>) -> Result<(), DataError> {
        let mut row = 0;
        self.columns.entries(at, &self.header[at], &mut |entry| {
            take(row, entry)?;
            row += 1;
            self.done.set(self.done.get() + 1);
            if self.done.get().is_multiple_of(ENTRIES) {
                self.options.watch.at(self.done.get(), self.of)?;
            }
            Ok(())
        })
    }

    /// The number that an entry is.
    fn number(&self, row: usize, at: usize, entry: &Entry) -> Result<f64, DataError> {
        const MAX_EXACT: u64 = 1 << 53;
        match entry {
            Entry::Real(value) if value.is_finite() => Ok(*value),
            Entry::Whole(value) if value.unsigned_abs() <= MAX_EXACT.into() => Ok(*value as f64),
            Entry::Real(value) => {
                let hint = "correct or drop the row, or leave the column out of `inputs` and `targets`";
                Err(self.bad(row, at, value, "a finite number", hint))
            }
            Entry::Whole(value) => {
                let hint =
                    "subtract what all have in common, or write `df[\"COLUMN\"].astype(\"float64\")`, which rounds";
                Err(self.bad(row, at, value, "an integer of at most 2^53", hint))
            }
            Entry::Null => {
                let hint =
                    "fill in or drop the row, as `df.dropna()` does, or leave the column out of `inputs` and `targets`";
                Err(self.bad(row, at, &"null", "a value", hint))
            }
            Entry::Text(_) | Entry::Bytes => Err(DataError::damaged(self.columns.file(), &column(&self.header[at]))),
        }
    }

    fn bad(&self, row: usize, at: usize, found: &dyn ToString, wanted: &str, hint: &'static str) -> DataError {
        let place = format!("row {}, {}", row + 1, column(&self.header[at]));
        DataError::format_with(self.columns.file(), &place, found, wanted, hint)
    }
}

/// A column, as errors call it.
pub(super) fn column(name: &str) -> String {
    format!("column `{name}`")
}
