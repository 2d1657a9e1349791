//! Plots that the server draws: figures as shapes, with a scale that people can read off. A plot is for the eye; the table
//! beside it says the same to everybody.

use std::fmt::Write;

/// The drawing's size; it is stretched to the room there is.
const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 180.0;
/// Where the figures stand in it.
const LEFT: f64 = 44.0;
const RIGHT: f64 = 412.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 150.0;
/// Most words under the figures.
const MOST_LABELS: usize = 5;

/// A drawing of figures in the order of time.
#[derive(Debug, Default)]
pub(super) struct Plot {
    /// What it shows, for who cannot see it.
    pub(super) words: String,
    /// What its colours mean, by their class; empty where it has one.
    pub(super) legend: Vec<(&'static str, &'static str)>,
    pub(super) bars: Vec<Bar>,
    pub(super) lines: Vec<Line>,
    pub(super) ticks: Vec<Tick>,
    pub(super) labels: Vec<Label>,
}

/// A figure as a bar.
#[derive(Debug)]
pub(super) struct Bar {
    pub(super) class: &'static str,
    pub(super) x: Coordinate,
    pub(super) y: Coordinate,
    pub(super) width: Coordinate,
    pub(super) height: Coordinate,
    /// What it says when it is pointed at.
    pub(super) title: String,
}

/// Figures as a line, with a dot where one stands alone.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) class: &'static str,
    /// Its way, as SVG writes it.
    pub(super) path: String,
    pub(super) dots: Vec<(Coordinate, Coordinate)>,
}

/// A value on the scale.
#[derive(Debug)]
pub(super) struct Tick {
    pub(super) y: Coordinate,
    pub(super) text: String,
}

/// A word under the figures.
#[derive(Debug)]
pub(super) struct Label {
    pub(super) x: Coordinate,
    pub(super) text: String,
}

/// A place in the drawing, to a tenth.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coordinate(f64);

impl std::fmt::Display for Coordinate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tenths = (self.0 * 10.0).round() / 10.0;
        write!(f, "{tenths}")
    }
}

/// An hour or a day of a plot.
#[derive(Debug)]
pub(super) struct Step {
    /// The word under it.
    pub(super) label: String,
    /// What it is called in full.
    pub(super) name: String,
    /// Its figures, one for each class; none where nothing is known.
    pub(super) values: Vec<Option<u64>>,
}

/// How values are written.
pub(super) type Words = fn(u64) -> String;

impl Plot {
    /// Bars, those of a later class over those of an earlier one: a part in front of the whole.
    pub(super) fn of_bars(
        words: String,
        classes: &[(&'static str, &'static str)],
        steps: &[Step],
        say: Words,
    ) -> Self {
        let mut plot = Self::empty(words, classes, steps, say);
        let scale = Scale::of(steps);
        let room = room(steps);
        let width = (room * 0.72).clamp(0.6, 26.0);
        for (at, step) in steps.iter().enumerate() {
            let told: Vec<String> = classes
                .iter()
                .zip(&step.values)
                .filter_map(|((_, name), value)| Some(format!("{} {name}", say((*value)?))))
                .collect();
            let title = format!("{}: {}", step.name, told.join(", "));
            for (&(class, _), value) in classes.iter().zip(&step.values) {
                let value = value.unwrap_or_default();
                if value == 0 {
                    continue;
                }
                let height = scale.height(value).max(1.5);
                plot.bars.push(Bar {
                    class,
                    x: Coordinate(LEFT + room * (count(at) + 0.5) - width / 2.0),
                    y: Coordinate(BOTTOM - height),
                    width: Coordinate(width),
                    height: Coordinate(height),
                    title: title.clone(),
                });
            }
        }
        plot
    }

    /// Lines, broken where nothing is known.
    pub(super) fn of_lines(
        words: String,
        classes: &[(&'static str, &'static str)],
        steps: &[Step],
        say: Words,
    ) -> Self {
        let mut plot = Self::empty(words, classes, steps, say);
        let scale = Scale::of(steps);
        let room = room(steps);
        for (number, &(class, _)) in classes.iter().enumerate() {
            let mut line = Line {
                class,
                path: String::new(),
                dots: Vec::new(),
            };
            let known = |at: usize| steps.get(at).and_then(|step| *step.values.get(number)?);
            for at in 0..steps.len() {
                let Some(value) = known(at) else { continue };
                let x = Coordinate(LEFT + room * (count(at) + 0.5));
                let y = Coordinate(BOTTOM - scale.height(value));
                let goes_on = at > 0 && known(at - 1).is_some();
                // Writing to a text never fails.
                let _ = write!(line.path, "{}{x} {y}", if goes_on { "L" } else { "M" });
                if !goes_on && known(at + 1).is_none() {
                    line.dots.push((x, y));
                }
            }
            plot.lines.push(line);
        }
        plot
    }

    /// The drawing without its figures.
    fn empty(words: String, classes: &[(&'static str, &'static str)], steps: &[Step], say: Words) -> Self {
        let mut plot = Self {
            words,
            legend: if classes.len() > 1 {
                classes.to_vec()
            } else {
                Vec::new()
            },
            ..Self::default()
        };
        let scale = Scale::of(steps);
        for value in [0, scale.most / 2, scale.most] {
            // Half of one says nothing.
            if value > 0 || plot.ticks.is_empty() {
                plot.ticks.push(Tick {
                    y: Coordinate(BOTTOM - scale.height(value)),
                    text: say(value),
                });
            }
        }
        let every = steps.len().div_ceil(MOST_LABELS).max(1);
        let room = room(steps);
        // The last step is the one that people look for.
        let labelled = steps.iter().enumerate().rev().step_by(every);
        plot.labels = labelled
            .map(|(at, step)| Label {
                x: Coordinate(LEFT + room * (count(at) + 0.5)),
                text: step.label.clone(),
            })
            .collect();
        plot
    }

    /// The width of the drawing.
    pub(super) fn width() -> f64 {
        WIDTH
    }

    /// Its height.
    pub(super) fn height() -> f64 {
        HEIGHT
    }

    /// Where the lines of the scale begin.
    pub(super) fn left() -> f64 {
        LEFT
    }

    /// And end.
    pub(super) fn right() -> f64 {
        RIGHT
    }
}

struct Scale {
    /// The value at the top.
    most: u64,
}

impl Scale {
    fn of(steps: &[Step]) -> Self {
        let most = steps.iter().flat_map(|step| step.values.iter().flatten()).max();
        Self {
            most: round_up(most.copied().unwrap_or_default()),
        }
    }

    fn height(&self, value: u64) -> f64 {
        number(value) / number(self.most) * (BOTTOM - TOP)
    }
}

/// The next number that is easy to read off, and so is its half: 2, 4, 10, 20, 40, 100, ...
fn round_up(value: u64) -> u64 {
    let mut decade: u64 = 1;
    loop {
        for step in [2, 4, 6, 10] {
            let round = decade.saturating_mul(step);
            if round >= value {
                return round;
            }
        }
        decade = decade.saturating_mul(10);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a picture is not that exact")]
fn number(value: u64) -> f64 {
    value as f64
}

/// How wide each step is.
fn room(steps: &[Step]) -> f64 {
    (RIGHT - LEFT) / count(steps.len().max(1))
}

#[expect(clippy::cast_precision_loss, reason = "there are at most some thousands")]
fn count(steps: usize) -> f64 {
    steps as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(values: &[Option<u64>]) -> Vec<Step> {
        let step = |value: &Option<u64>| Step {
            label: "x".to_owned(),
            name: "x".to_owned(),
            values: vec![*value],
        };
        values.iter().map(step).collect()
    }

    #[test]
    fn scales_are_round() {
        for (value, top) in [
            (0, 2),
            (1, 2),
            (3, 4),
            (5, 6),
            (7, 10),
            (11, 20),
            (61, 100),
            (330, 400),
        ] {
            assert_eq!(round_up(value), top);
        }
        assert_eq!(round_up(u64::MAX), u64::MAX);
    }

    #[test]
    fn bars_stand_on_the_ground_and_lines_break_where_nothing_is_known() {
        let bars = Plot::of_bars(
            String::new(),
            &[("one", "launches")],
            &steps(&[Some(10), Some(0)]),
            |n| n.to_string(),
        );
        assert_eq!(bars.bars.len(), 1);
        assert_eq!(format!("{} {}", bars.bars[0].y, bars.bars[0].height), "14 136");
        let gaps = [Some(1), Some(2), None, Some(1)];
        let lines = Plot::of_lines(String::new(), &[("one", "")], &steps(&gaps), |n| n.to_string());
        assert_eq!(lines.lines[0].path.matches('M').count(), 2);
        assert_eq!(lines.lines[0].dots.len(), 1);
        let many = vec![Some(1); 366];
        assert!(
            Plot::of_bars(String::new(), &[("one", "")], &steps(&many), |n| n.to_string())
                .labels
                .len()
                <= 5
        );
        assert!(
            Plot::of_bars(String::new(), &[("one", "")], &[], |n| n.to_string())
                .bars
                .is_empty()
        );
    }
}
