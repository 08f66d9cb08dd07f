//! Files as answers: read piece by piece, so that a large one takes no memory.

use std::path::Path;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures_util::stream;
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use crate::error::{ApiError, ApiResult};

/// How much is read at a time.
const PIECE_BYTES: usize = 256 << 10;

/// A file's bytes, with its length, as they are now.
///
/// # Errors
/// `not_found` if it has gone, `internal` if it cannot be read.
pub async fn file(path: &Path, content_type: &'static str) -> ApiResult<Response> {
    let file = File::open(path).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => ApiError::not_found("file", &name_of(path)),
        _ => ApiError::internal(error),
    })?;
    let length = file.metadata().await.map_err(ApiError::internal)?.len();
    // No more than was announced: the file may grow meanwhile.
    let pieces = stream::try_unfold(file.take(length), |mut file| async move {
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        let read = (&mut file)
            .take(PIECE_BYTES as u64)
            .read_to_end(&mut piece)
            .await?;
        Ok::<_, std::io::Error>((read > 0).then(|| (Bytes::from(piece), file)))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    Ok(response)
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::testing::Scratch;
    use crate::error::Code;

    #[tokio::test]
    async fn a_file_comes_whole_with_its_length() {
        let scratch = Scratch::new("download");
        let path = scratch.path().join("large");
        let bytes: Vec<u8> = (0..PIECE_BYTES * 2 + 7)
            .map(|at| (at % 251) as u8)
            .collect();
        std::fs::write(&path, &bytes).unwrap();
        let response = file(&path, "application/wasm").await.unwrap();
        let length = response.headers().get(header::CONTENT_LENGTH).unwrap();
        assert_eq!(length.to_str().unwrap(), bytes.len().to_string());
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
        assert_eq!(body.unwrap(), bytes);
        let gone = file(&scratch.path().join("gone"), "x/y").await.unwrap_err();
        assert_eq!(gone.code(), Code::NotFound);
        assert!(
            !gone.to_string().contains(scratch.path().to_str().unwrap()),
            "{gone}"
        );
    }
}
