//! The files of the page, which are part of the program.

/// A file: its name, its kind, and what stands in it.
pub(super) struct Asset {
    pub name: &'static str,
    pub content: &'static str,
    pub text: &'static str,
}

macro_rules! assets {
    ($($name:literal)*) => {
        /// All files of the page.
        pub(super) const ASSETS: &[Asset] = &[
            $(Asset { name: $name, content: content($name), text: include_str!(concat!("page/", $name)) },)*
        ];
    };
}

assets! {
    "index.html" "page.css"
    "address.js" "api.js" "app.js" "bisect.js" "choices.js" "diagram.js" "dom.js" "drop.js" "export.js" "gallery.js" "header.js" "keys.js"
    "lessons.js" "own.js" "panels.js" "pbft.js" "referee.js" "ring.js" "run.js" "start.js" "tour.js" "tree.js"
}

/// What kind of file it is, by the end of its name.
const fn content(name: &str) -> &'static str {
    match name.as_bytes() {
        [.., b'.', b'h', b't', b'm', b'l'] => "text/html; charset=utf-8",
        [.., b'.', b'c', b's', b's'] => "text/css; charset=utf-8",
        [.., b'.', b'j', b's'] => "text/javascript; charset=utf-8",
        [.., b'.', b's', b'v', b'g'] => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}

/// The file of a name.
pub(super) fn asset(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

#[cfg(test)]
mod tests {
    use super::ASSETS;

    #[test]
    fn every_file_of_the_page_is_part_of_the_program() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../src/explore/page");
        let files =
            std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut files: Vec<_> = files.collect();
        files.sort();
        let mut known: Vec<_> = ASSETS.iter().map(|asset| asset.name.to_owned()).collect();
        known.sort();
        assert_eq!(files, known);
    }
}
