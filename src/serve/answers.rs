//! What the server answers: pages, and the two questions that an open page asks again and again.
//!
//! Invariant: only requests that name this machine get an answer.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path as UrlPath, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};

use super::Shelf;
use crate::site::{Answer, Page};

/// A question for a newer build is answered after this time at the latest, and asked again.
const RELOAD_WAIT: Duration = Duration::from_secs(20);

pub(super) fn router(shelf: Arc<Shelf>) -> Router {
    Router::new()
        .route("/__reload/{shown}", get(newer_build))
        .route("/__progress/{shown}", get(newer_progress))
        .fallback(any(page))
        .layer(middleware::from_fn(for_this_machine_only))
        .with_state(shelf)
}

async fn for_this_machine_only(request: Request, next: Next) -> Response {
    if !names_this_machine(request.headers()) {
        let advice =
            "This server answers to localhost only. Open http://localhost with its port.\n";
        return (StatusCode::FORBIDDEN, advice).into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, header::HeaderValue::from_static("nosniff"));
    response
}

fn names_this_machine(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else {
        return false;
    };
    // An IPv6 address has colons of its own, and stands in brackets.
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|own| name.eq_ignore_ascii_case(own))
}

async fn newer_build(
    State(shelf): State<Arc<Shelf>>,
    UrlPath(shown): UrlPath<String>,
) -> String {
    let mut generation = shelf.generation.subscribe();
    let newer = generation.wait_for(|newest| newest.to_string() != shown);
    match tokio::time::timeout(RELOAD_WAIT, newer).await {
        Ok(Ok(newest)) => newest.to_string(),
        _ => shown,
    }
}

async fn newer_progress(
    State(shelf): State<Arc<Shelf>>,
    UrlPath(shown): UrlPath<String>,
) -> impl IntoResponse {
    let mut progress = shelf.progress.subscribe();
    let newer = progress.wait_for(|newest| newest.version.to_string() != shown);
    // Whoever has waited in vain gets what is there, which has the number that was asked with.
    drop(tokio::time::timeout(RELOAD_WAIT, newer).await);
    let json = shelf.progress.borrow().json.clone();
    ([(header::CONTENT_TYPE, "application/json")], json)
}

async fn page(State(shelf): State<Arc<Shelf>>, request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")], "")
            .into_response();
    }
    let path = request.uri().path();
    let site = shelf.site();
    match site.answer(path) {
        Answer::Page(page) => (StatusCode::OK, content(page)).into_response(),
        Answer::AddSlash => {
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, format!("{path}/"))])
                .into_response()
        }
        Answer::Missing(Some(page)) => (StatusCode::NOT_FOUND, content(page)).into_response(),
        Answer::Missing(None) => {
            (StatusCode::NOT_FOUND, "There is no such page.\n").into_response()
        }
    }
}

fn content(page: &Page) -> impl IntoResponse + use<> {
    ([(header::CONTENT_TYPE, page.content_type.clone())], page.bytes.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(host: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().expect("a header's value"));
        names_this_machine(&headers)
    }

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for own in [
            "localhost:3000",
            "localhost",
            "127.0.0.1:3007",
            "[::1]:3000",
            "[::1]",
            "LOCALHOST:80",
        ] {
            assert!(accepts(own), "{own}");
        }
        for other in [
            "example.org:3000",
            "localhost.example.org",
            "127.0.0.1.nip.io:3000",
            "",
            "[::2]:3000",
        ] {
            assert!(!accepts(other), "{other}");
        }
        assert!(!names_this_machine(&HeaderMap::new()));
    }
}
