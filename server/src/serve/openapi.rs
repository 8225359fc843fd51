//! The OpenAPI description, generated from the code.

use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::routes::{about, audio, import, jobs, sessions, song, sound};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "ResonantGen",
        description = "From words to four stems that loop, and to whole songs of them: drums, bass, harmony and melody. Errors are \
        `application/problem+json` with a `detail` in plain words."
    ),
    paths(
        about::openapi, about::health, about::metrics, about::bundles,
        sessions::list, sessions::create, sessions::show, sessions::delete, sessions::state,
        sessions::lock, sessions::unlock, sessions::select,
        sessions::compare,
        import::import,
        sessions::undo,
        sessions::redo,
        sessions::favour,
        sessions::unfavour,
        song::make, song::show, song::order, song::regenerate, song::open, song::copy, song::alter, song::delete,
        song::lock, song::unlock,
        sound::list, sound::set, sound::vary, sound::hold, sound::release,
        jobs::generate, jobs::regenerate, jobs::list, jobs::show, jobs::events, jobs::cancel,
        audio::take, audio::whole,
    ),
    modifiers(&Bearer)
)]
struct Description;

/// The token, for servers that require one.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        openapi.components.get_or_insert_default().add_security_scheme("token", scheme);
        // Either none (a server without a token) or the token.
        openapi.security = Some(vec![
            SecurityRequirement::default(),
            SecurityRequirement::new::<_, [&str; 0], &str>("token", []),
        ]);
    }
}

/// The OpenAPI 3.1 document.
pub(super) fn document() -> utoipa::openapi::OpenApi {
    Description::openapi()
}
