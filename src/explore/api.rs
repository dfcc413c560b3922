//! Which answer stands at which address.

use super::assets::asset;
use super::query::Query;
use super::server::{Request, Response};
use super::stage::{Answer, Stage};

/// The answer to a request.
pub(super) fn answer(stage: &dyn Stage, request: &Request) -> Response {
    let query = Query::parse(&request.query);
    match request.path.as_str() {
        "/" => file("index.html"),
        "/favicon.ico" => Response::of("image/svg+xml", ICON),
        "/api/gallery" => Response::json(&stage.gallery()),
        "/api/trace" => Response::json(&stage.trace()),
        "/api/session" => told(stage.session(&query)),
        "/api/story" => told(stage.story(&query)),
        "/api/state" => told(stage.state(&query)),
        "/api/run" => told(stage.run(&query)),
        "/api/explain" => told(stage.explain(&query)),
        "/api/referee" => told(stage.referee(&query)),
        "/api/search" => told(stage.search(&query)),
        "/api/hand" => told(stage.hand(&query)),
        "/api/stateright" => told(stage.stateright(&query)),
        "/api/export" => match stage.export(&query) {
            Ok((name, page)) => {
                let response = Response::of("text/html; charset=utf-8", page);
                Response { saved_as: Some(name), ..response }
            }
            Err(why) => Response::error(400, &why),
        },
        path => match path.strip_prefix("/page/") {
            Some(name) => file(name),
            None => match path.strip_prefix("/stateright/") {
                Some(path) => stage.passed_on(path),
                None => Response::error(404, "there is nothing at this address; the page is at /"),
            },
        },
    }
}

const ICON: &str = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><path d='M3 2v12M8 2v12M13 2v12' \
    stroke='#888'/><path d='M3 4l5 3M8 8l5 3' stroke='#06c' stroke-width='2'/></svg>";

fn file(name: &str) -> Response {
    match asset(name) {
        Some(asset) => Response::of(asset.content, asset.text),
        None => Response::error(404, "the page has no such file"),
    }
}

fn told(answer: Answer) -> Response {
    answer.map_or_else(|why| Response::error(400, &why), |value| Response::json(&value))
}
