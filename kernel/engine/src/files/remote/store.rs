//! A store as queries see it: for reading only, with faults in words of ours.
//!
//! Errors of stores hold what servers answered, with names of keys and signatures; they end here.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetRange, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::RemoteCause;
use super::address::Address;
use super::fault::Asked;

/// Bytes asked for where only is asked how large an object is.
const HEAD_BYTES: u64 = 8;

/// Objects of one bucket or server.
#[derive(Clone)]
pub(super) struct ReadOnly {
    pub(super) inner: Arc<dyn ObjectStore>,
    pub(super) address: Address,
    pub(super) asked: Asked,
}

impl ReadOnly {
    fn worded(&self, error: &Error, location: &Path) -> Error {
        let fault = RemoteCause::of(error, self.asked).at(self.address.with_key(location));
        Error::Generic { store: "remote", source: Box::new(fault) }
    }
}

fn refused<T>(operation: &str) -> Result<T> {
    Err(Error::NotImplemented { operation: operation.into(), implementer: "a store for reading".into() })
}

/// Without keys, and without what servers say.
impl fmt::Debug for ReadOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ReadOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "objects of {}", self.address.place.shown())
    }
}

#[async_trait]
impl ObjectStore for ReadOnly {
    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        refused("put")
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        refused("put")
    }

    async fn get_opts(&self, location: &Path, mut options: GetOptions) -> Result<GetResult> {
        // A signed address is signed for GET alone, and some servers know no HEAD.
        if std::mem::take(&mut options.head) {
            options.range = Some(GetRange::Bounded(0..HEAD_BYTES));
        }
        let mut result = self.inner.get_opts(location, options).await.map_err(|error| self.worded(&error, location))?;
        result.payload = match result.payload {
            GetResultPayload::Stream(stream) => {
                let (store, location) = (self.clone(), location.clone());
                GetResultPayload::Stream(stream.map_err(move |error| store.worded(&error, &location)).boxed())
            }
            file @ GetResultPayload::File(..) => file,
        };
        Ok(result)
    }

    fn delete_stream(&self, _: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        futures::stream::once(async { refused("delete") }).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (store, location) = (self.clone(), prefix.cloned().unwrap_or_default());
        self.inner.list(prefix).map_err(move |error| store.worded(&error, &location)).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let listed = self.inner.list_with_delimiter(prefix).await;
        listed.map_err(|error| self.worded(&error, &prefix.cloned().unwrap_or_default()))
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        refused("copy")
    }
}
