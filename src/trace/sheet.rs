//! The sheet on which diagrams are drawn: time runs down, a column for each who takes part.

/// How wide a column is, in pixels.
pub(super) const COLUMN: usize = 170;
/// How high a row is.
pub(super) const ROW: usize = 34;
/// How much stands above the first row.
pub(super) const TOP: usize = 46;

/// An empty sheet of this size: the beginning of an SVG, with the head of an arrow that lines can end with.
pub(super) fn sheet(width: usize, height: usize) -> String {
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' version='1.1' width='{width}' height='{height}' \
         viewBox='0 0 {width} {height}' font-family='sans-serif' font-size='12'>\
         <defs><marker id='arrow' markerWidth='10' markerHeight='8' refX='9' refY='4' orient='auto'>\
         <path d='M0,0 L10,4 L0,8 z' fill='#246'/></marker></defs>\
         <rect width='100%' height='100%' rx='8' fill='#fff'/>"
    )
}
