//! The fields of an order as JSON texts, in little memory, because one record can have a hundred thousand of them.

/// Fields by name.
#[derive(Default)]
pub struct FieldTexts {
    /// Names and values, one behind the other.
    text: String,
    /// Sorted by name.
    places: Vec<Place>,
}

/// Where a field lies in the text: its name ends where its value begins.
#[derive(Clone, Copy)]
struct Place {
    name: usize,
    value: usize,
    end: usize,
}

impl FieldTexts {
    /// Takes names, each in two pieces, and values. Of several fields of one name, the last one counts.
    pub fn of<'a>(fields: impl Iterator<Item = ((&'a str, &'a str), &'a str)>) -> Self {
        let (mut text, mut places) = (String::new(), Vec::new());
        for ((prefix, name), value) in fields {
            let begin = text.len();
            text.extend([prefix, name]);
            let middle = text.len();
            text.push_str(value);
            places.push(Place { name: begin, value: middle, end: text.len() });
        }
        // The sort is stable, so the last one comes first after the reversal.
        places.reverse();
        places.sort_by_key(|place| place.name_in(&text));
        places.dedup_by_key(|place| place.name_in(&text));
        Self { text, places }
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.places.binary_search_by_key(&name, |place| place.name_in(&self.text));
        self.places.get(found.ok()?).map(|place| place.value_in(&self.text))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.places.iter().map(|place| place.name_in(&self.text))
    }
}

impl Place {
    fn name_in(self, text: &str) -> &str {
        text.get(self.name..self.value).unwrap_or_default()
    }

    fn value_in(self, text: &str) -> &str {
        text.get(self.value..self.end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_field_of_a_name_counts() {
        let fields = [(("", "b"), "1"), (("a.", "x"), "2"), (("", "b"), "3"), (("", ""), "4")];
        let texts = FieldTexts::of(fields.into_iter());
        assert_eq!(texts.names().collect::<Vec<_>>(), ["", "a.x", "b"]);
        assert_eq!(
            ["", "a.x", "b", "c"].map(|name| texts.get(name)),
            [Some("4"), Some("2"), Some("3"), None]
        );
    }
}
