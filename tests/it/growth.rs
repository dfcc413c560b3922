//! Draws how a search has grown, from what `bft check --stats` writes: the picture of the guide.
//!
//! ```sh
//! bft check --byzantine r0 --stats growth.csv
//! BFT_STATS=growth.csv cargo test --test it growth -- --ignored
//! ```

use std::path::Path;

use plotters::prelude::*;

#[test]
#[ignore = "it draws the picture of the guide anew"]
fn draw_the_growth_of_a_search() {
    let table = std::fs::read_to_string(std::env::var("BFT_STATS").unwrap()).unwrap();
    let column = |line: &str, place: usize| line.split(',').nth(place).unwrap().parse::<f64>().unwrap();
    let lines: Vec<&str> = table.lines().skip(1).filter(|line| line.starts_with("1,")).collect();
    let of = |place: usize| -> Vec<(f64, f64)> {
        lines.iter().map(|line| (column(line, 3), column(line, place).max(1.0))).collect()
    };
    let (states, frontier) = (of(4), of(5));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/guide/growth.svg");
    let area = SVGBackend::new(&file, (720, 360)).into_drawing_area();
    area.fill(&WHITE).unwrap();
    let (last, most) = (states.last().unwrap().0, states.last().unwrap().1);
    let mut chart = ChartBuilder::on(&area)
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..last, (1.0..2.0 * most).log_scale())
        .unwrap();
    let mut mesh = chart.configure_mesh();
    mesh.x_desc("level").y_desc("states").label_style(("sans-serif", 13)).draw().unwrap();
    for (name, points, colour) in [("states", states, BLUE), ("frontier", frontier, RED)] {
        let drawn = chart.draw_series(LineSeries::new(points, colour.stroke_width(2))).unwrap();
        drawn
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .border_style(BLACK)
        .background_style(WHITE)
        .label_font(("sans-serif", 13))
        .draw()
        .unwrap();
    area.present().unwrap();
}
