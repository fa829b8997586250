//! The bar on the last line of a terminal.

use indicatif::{ProgressBar, ProgressStyle};
use rebuild::{Progress, State};

pub struct Bar {
    bar: ProgressBar,
    state: Option<State>,
    /// Whether the length is known, which decides on the style.
    is_measured: bool,
    /// What is printed meanwhile, lines of the log included, does not tear the bar.
    _room: output::Bar,
}

impl Bar {
    pub fn new() -> Self {
        let bar = ProgressBar::new(0).with_style(style(false));
        let drawn = bar.clone();
        let room = output::with_bar(move |write| drawn.suspend(write));
        Self { bar, state: None, is_measured: false, _room: room }
    }

    pub fn show(&mut self, progress: &Progress, text: String) {
        let total = progress.events_total;
        // Each of these calls may draw, and text of one phase must not stand beside the name of another.
        if self.state != progress.state || self.is_measured != (total > 0) {
            self.bar.set_message("");
        }
        self.bar.set_length(total);
        self.bar.set_position(progress.events.min(total));
        if self.is_measured != (total > 0) {
            self.is_measured = total > 0;
            self.bar.set_style(style(self.is_measured));
        }
        if self.state != progress.state {
            self.state = progress.state;
            self.bar.set_prefix(progress.state.map_or("", State::as_str));
        }
        self.bar.set_message(text);
        self.bar.tick();
    }

    pub fn remove(self) {
        self.bar.finish_and_clear();
    }
}

fn style(is_measured: bool) -> ProgressStyle {
    let template = match is_measured {
        true => "{prefix:>12} {bar:30} {percent:>3}%  {msg}",
        false => "{prefix:>12} {spinner}  {msg}",
    };
    // A mistake in a template must not stop a rebuild; the default style would do.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
