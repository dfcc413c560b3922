//! The forms of a file, by its name.

/// The forms in which a trace is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// The project's own JSON, which can be read again.
    Json,
    /// The Informal Trace Format (JSON), which can be read again.
    Itf,
    /// A Mermaid sequence diagram.
    Mermaid,
    /// Words.
    Text,
    /// A log with vector clocks for ShiViz.
    Shiviz,
    /// One page of HTML.
    Html,
}

/// A file name that names no form by its ending.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "the ending says in which form a trace is written, and there is none for '{0}'; there are .json, .itf.json (Informal \
     Trace Format), .mmd (Mermaid), .txt (words), .html (a page) and .shiviz or .log (ShiViz)"
)]
pub struct UnknownForm(String);

impl Form {
    /// Whether what is written in this form can be read again.
    pub fn can_be_read(self) -> bool {
        matches!(self, Form::Json | Form::Itf)
    }

    /// The form that a file name asks for by its ending.
    ///
    /// # Errors
    /// An ending that stands for no form.
    pub fn of(name: &str) -> Result<Self, UnknownForm> {
        let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
        match name {
            _ if ends(&[".itf.json", ".itf"]) => Ok(Form::Itf),
            _ if ends(&[".json"]) => Ok(Form::Json),
            _ if ends(&[".mmd"]) => Ok(Form::Mermaid),
            _ if ends(&[".txt"]) => Ok(Form::Text),
            _ if ends(&[".html"]) => Ok(Form::Html),
            _ if ends(&[".shiviz", ".log"]) => Ok(Form::Shiviz),
            _ => Err(UnknownForm(name.to_owned())),
        }
    }
}
